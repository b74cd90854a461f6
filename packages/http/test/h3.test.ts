import { H3, toNodeHandler } from 'h3'
import { flyback } from '../src/h3.js'
import { describeHandler } from './support/contract.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { startServer } from './support/node-server.js'

describeHandler('h3', (routes, options) => {
  const app = new H3({ onError: () => new Response('failed', { status: 500 }), silent: true })
  if (options) app.use(flyback(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, async (event) => {
      const exchange = fetchExchange(event.req)
      await route(exchange)
      return exchange.response()
    })
  }
  return startServer(toNodeHandler(app))
})
