import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { withFlyback } from '../src/fetch.js'
import { flyback } from '../src/hono.js'
import { describeBase } from './support/contract.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { startServer } from './support/node-server.js'

describeBase('fetch', (routes, options) => {
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

describeBase('hono', (routes, options) => {
  const app = new Hono()
  if (options) app.use(flyback(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, async (c) => {
      const exchange = fetchExchange(c.req)
      await route(exchange)
      return exchange.response()
    })
  }
  app.onError((_error, c) => c.text('failed', 500))
  return startServer(getRequestListener(app.fetch))
})
