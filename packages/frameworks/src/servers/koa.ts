import { Readable } from 'node:stream'
import { flyback } from '@flyback/http/koa'
import Koa, { type Context, type Middleware } from 'koa'
import compress from 'koa-compress'
import mount from 'koa-mount'
import { createContractApp, errorReply, type Reply } from '../app/index.ts'
import { address, askOf } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const app = new Koa()
app.silent = true
app.use(compress())
app.use(flyback(contract.options))
app.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/handled/')) return await next()
  try {
    await next()
  } catch (error) {
    send(ctx, errorReply(error))
  }
})
app.use(mount('/mounted', answer()))
app.use(answer())

/** Koa has no router of its own. */
function answer(): Middleware {
  return async (ctx) => send(ctx, await contract.handle(askOf(ctx.req)))
}

function send(ctx: Context, { status, headers, body }: Reply): void {
  ctx.status = status
  for (const [name, value] of headers) ctx.append(name, value)
  if (body === null || typeof body === 'string') ctx.body = body ?? ''
  else ctx.body = body instanceof Uint8Array ? Buffer.from(body) : Readable.from(body)
}

const { port, host } = address()
serveSockets(app.listen(port, host), contract)
