import { flyback } from '@flyback/http/hono'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { askOf, createContractApp, errorReply, toResponse } from '../app/index.ts'
import { serveFetch } from './serve-fetch.ts'

const contract = createContractApp()
const app = new Hono()
app.use(compress())
app.use(flyback(contract.options))

function register(router: Hono): Hono {
  for (const { method, path, handle } of contract.routes) {
    router.on(method, path, async (c) => toResponse(await handle(askOf(c.req.raw))))
  }
  return router
}

register(app)
app.route('/mounted', register(new Hono()))
app.onError((error, c) => {
  if (c.req.path.startsWith('/handled/')) return toResponse(errorReply(error))
  return c.text('Internal Server Error', 500)
})

serveFetch((request) => app.fetch(request))
