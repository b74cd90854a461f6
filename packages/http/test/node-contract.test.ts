import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import express from 'express'
import express4 from 'express4'
import Fastify, { type FastifyInstance } from 'fastify'
import { createApp, eventHandler, toNodeListener } from 'h3-v1'
import Koa from 'koa'
import { flyback as flybackForExpress } from '../src/express.js'
import { flyback as flybackForFastify } from '../src/fastify.js'
import { flyback as flybackForKoa } from '../src/koa.js'
import { flyback, withFlyback } from '../src/node.js'
import { describeBase, type Routes } from './support/contract.js'
import { nodeExchange } from './support/node-exchange.js'
import { startServer, type TestServer } from './support/node-server.js'

async function handle(routes: Routes, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const route = routes[(req.url ?? '').replace(/\?.*/, '')]
  if (route !== undefined) return await route(nodeExchange(req, res))
  res.statusCode = 404
  res.end('nowhere')
}

const fail = (res: ServerResponse): void => {
  if (res.headersSent) {
    res.destroy()
    return
  }
  res.statusCode = 500
  res.end('failed')
}

describeBase('node: withFlyback', (routes, options) => {
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    try {
      await handle(routes, req, res)
    } catch {
      fail(res)
    }
  }
  return startServer(options === undefined ? handler : withFlyback(handler, options))
})

describeBase('node: flyback as a middleware', (routes, options) => {
  const use = options && flyback(options)
  return startServer((req, res) => {
    const next = (): void => void handle(routes, req, res).catch(() => fail(res))
    if (use) use(req, res, next)
    else next()
  })
})

describeBase('express 5', (routes, options) => {
  const app = express()
  app.set('env', 'test')
  if (options) app.use(flybackForExpress(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, (req, res) => route(nodeExchange(req, res)))
  }
  return startServer(app)
})

describeBase('express 4', (routes, options) => {
  const app = express4()
  app.set('env', 'test')
  if (options) app.use(flybackForExpress(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, (req, res, next) => {
      Promise.resolve()
        .then(() => route(nodeExchange(req, res)))
        .catch(next)
    })
  }
  return startServer(app)
})

describeBase('fastify: its raw request and response', async (routes, options) => {
  const app = Fastify()
  if (options) await app.register(flybackForFastify, options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, async (request, reply) => {
      await route(nodeExchange(request.raw, reply.raw))
      return reply
    })
  }
  return listening(app)
})

describeBase('fastify', async (routes, options) => {
  const app = Fastify()
  if (options) await app.register(flybackForFastify, options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, async (request, reply) => {
      let payload: unknown
      await route({
        body: async () => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)),
        cookie: (name, value) => void reply.header('set-cookie', `${name}=${value}`),
        reply(text) {
          payload = text
        },
        stream(chunks) {
          payload = Readable.from(chunks)
        },
      })
      return payload
    })
  }
  return listening(app)
})

describeBase('koa', (routes, options) => {
  const app = new Koa()
  app.silent = true
  if (options) app.use(flybackForKoa(options))
  app.use(async (ctx) => {
    const route = routes[ctx.path]
    await route?.({
      body: () => buffer(ctx.req),
      cookie: (name, value) => ctx.append('set-cookie', `${name}=${value}`),
      reply(text) {
        ctx.body = text
      },
      stream(chunks) {
        ctx.body = Readable.from(chunks)
      },
    })
  })
  return startServer(app.callback())
})

describeBase('h3 1, served by withFlyback', (routes, options) => {
  const app = createApp({ onError: (_error, event) => fail(event.node.res) })
  app.use(
    eventHandler(async ({ path, node: { req, res } }) => {
      await routes[path.replace(/\?.*/, '')]?.(nodeExchange(req, res))
    }),
  )
  const listener = toNodeListener(app)
  return startServer(options === undefined ? listener : withFlyback(listener, options))
})

async function listening(app: FastifyInstance): Promise<TestServer> {
  await app.ready()
  return startServer((req, res) => app.routing(req, res))
}
