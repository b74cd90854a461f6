import { Readable } from 'node:stream'
import compress from '@fastify/compress'
import { flyback } from '@flyback/http/fastify'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { createContractApp, errorReply, type Reply } from '../app/index.ts'
import { address, askOf } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const app = Fastify({ bodyLimit: 10_000_000 })
await app.register(compress)
await app.register(flyback, contract.options)
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
await app.register(registerRoutes)
await app.register(registerRoutes, { prefix: '/mounted' })

async function registerRoutes(instance: FastifyInstance): Promise<void> {
  for (const { method, path, handle } of contract.routes) {
    instance.route({
      method,
      url: path,
      handler: async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        return send(reply, await handle(askOf(request.raw, async () => body)))
      },
      ...(path.startsWith('/handled/') && {
        errorHandler: (error, _request, reply) => send(reply, errorReply(error)),
      }),
    })
  }
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  reply.code(status)
  for (const [name, value] of headers) reply.header(name, value)
  if (body === null || typeof body === 'string') return reply.send(body ?? '')
  return reply.send(body instanceof Uint8Array ? body : Readable.from(body))
}

await app.listen(address())
serveSockets(app.server, contract)
