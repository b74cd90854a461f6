import { flyback } from '@flyback/http/express'
import compression from 'compression'
import type { NextFunction, Request, Response, Router } from 'express'
import express from 'express4'
import { createContractApp, errorReply } from '../app/index.ts'
import { address, askOf, sendReply } from './node-exchange.ts'

const contract = createContractApp()
const app = express()
app.use(compression())
app.use(flyback(contract.options))
app.use(express.raw({ type: () => true, limit: '10mb' }))

function register(router: Router): Router {
  for (const { method, path, handle } of contract.routes) {
    const verb = method.toLowerCase() as Lowercase<typeof method>
    router[verb](path, (req: Request, res: Response, next: NextFunction) => {
      const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
      // Express 4 does not wait for a promise.
      handle(askOf(req, async () => body))
        .then((reply) => sendReply(res, reply))
        .catch(next)
    })
  }
  return router
}

register(app)
app.use('/mounted', register(express.Router()))
app.use('/handled', (error: unknown, _req: Request, res: Response, _next: NextFunction) => {
  void sendReply(res, errorReply(error))
})

const { port, host } = address()
app.listen(port, host)
