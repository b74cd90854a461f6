import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll } from 'vitest'
import { withFlyback } from '../src/fetch.js'
import { type FlybackEvents, observe } from '../src/index.js'
import { withFlyback as withFlybackForNode } from '../src/node.js'
import { describeBase, type Routes } from './support/contract.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { nodeExchange } from './support/node-exchange.js'
import { startServer } from './support/node-server.js'

// Both bases keep all of their contract when everything is listened to, by listeners that throw.
const CHANNELS: readonly (keyof FlybackEvents)[] = [
  'flyback:request:start',
  'flyback:request:end',
  'flyback:refusal',
]
let stops: (() => void)[] = []
beforeAll(() => {
  stops = CHANNELS.map((name) =>
    observe(name, () => {
      throw new Error('a listener at fault')
    }),
  )
})
afterAll(() => {
  for (const stop of stops) stop()
})

async function handle(routes: Routes, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const route = routes[(req.url ?? '').replace(/\?.*/, '')]
  if (route !== undefined) return await route(nodeExchange(req, res))
  res.statusCode = 404
  res.end('nowhere')
}

describeBase('node, observed', (routes, options) => {
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    try {
      await handle(routes, req, res)
    } catch {
      if (res.headersSent) res.destroy()
      else {
        res.statusCode = 500
        res.end('failed')
      }
    }
  }
  return startServer(options === undefined ? handler : withFlybackForNode(handler, options))
})

describeBase('fetch, observed', (routes, options) => {
  const handler = async (request: Request): Promise<Response> => {
    const route = routes[new URL(request.url).pathname]
    if (route === undefined) return new Response(null, { status: 404 })
    const exchange = fetchExchange(request)
    await route(exchange)
    return exchange.response()
  }
  const serve = options === undefined ? handler : withFlyback(handler, options)
  const errorHandler = (): Response => new Response('failed', { status: 500 })
  return startServer(getRequestListener(serve, { errorHandler }))
})
