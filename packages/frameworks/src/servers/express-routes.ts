import type { NextFunction, Request, Response, Router } from 'express'
import type { ContractApp, Reply } from '../app/index.ts'
import { askOf, sendReply } from './node-exchange.ts'

/** Registers the contract's routes in Express. Its version 4 does not wait for a promise, so errors are passed on here. */
export function registerRoutes(
  router: Router,
  { routes }: ContractApp,
  pattern: (path: string) => string = (path) => path,
): Router {
  for (const { method, path, handle } of routes) {
    const verb = method.toLowerCase() as Lowercase<typeof method>
    router[verb](pattern(path), (req: Request, res: Response, next: NextFunction) => {
      const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
      handle(askOf(req, async () => body))
        .then((reply) => sendByExpress(res, reply))
        .catch(next)
    })
  }
  return router
}

/** By `res.send`, which adds an ETag and a length, where a reply is whole. */
export async function sendByExpress(res: Response, reply: Reply): Promise<void> {
  const { status, headers, body } = reply
  if (typeof body !== 'string') return await sendReply(res, reply)
  res.status(status)
  for (const [name, value] of headers) res.append(name, value)
  res.send(body)
}
