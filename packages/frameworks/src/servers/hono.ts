import { flyback } from '@flyback/http/hono'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { askOf, createContractApp, errorReply, toResponse } from '../app/index.ts'
import { type Accept, serveFetch } from './serve-fetch.ts'

interface Served {
  Bindings: { readonly accept: Accept }
}

const contract = createContractApp()
const app = new Hono<Served>()
app.use(compress())
app.use(flyback(contract.options))

function register(router: Hono<Served>): Hono<Served> {
  for (const { method, path, handle } of contract.routes) {
    router.on(method, path, async (c) => toResponse(await handle(askOf(c.req.raw))))
  }
  return router
}

register(app)
app.route('/mounted', register(new Hono<Served>()))
app.get('/socket/*', async (c) =>
  c.env.accept(c.req.raw, await contract.sockets.greet(askOf(c.req.raw))),
)
app.onError((error, c) => {
  if (c.req.path.startsWith('/handled/')) return toResponse(errorReply(error))
  return c.text('Internal Server Error', 500)
})

serveFetch(contract, (request, accept) => app.fetch(request, { accept }))
