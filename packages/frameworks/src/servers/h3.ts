import { Server } from 'node:http'
import { flyback } from '@flyback/http/h3'
import { H3, type H3Event, serve } from 'h3'
import { askOf, createContractApp, errorReply, toResponse } from '../app/index.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const app = new H3({
  onError(error, event) {
    const { pathname } = new URL(event.req.url)
    return pathname.startsWith('/handled/') ? toResponse(errorReply(error.cause)) : undefined
  },
})
app.use(flyback(contract.options))

function register(router: H3): H3 {
  for (const { method, path, handle } of contract.routes) {
    router.on(method, path.replace('*', '**'), async (event: H3Event) =>
      toResponse(await handle(askOf(event.req))),
    )
  }
  return router
}

register(app)
app.mount('/mounted', register(new H3()))

const { port, host } = address()
const server = serve(app, { port, hostname: host, silent: true, gracefulShutdown: false })
await server.ready()
// The server of srvx is one of Node.
const own = server.node?.server
if (own instanceof Server) serveSockets(own, contract)
