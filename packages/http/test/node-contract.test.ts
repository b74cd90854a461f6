import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import express4 from 'express4'
import { flyback as flybackForExpress } from '../src/express.js'
import { flyback, withFlyback } from '../src/node.js'
import { describeHandler, type Routes } from './support/contract.js'
import { nodeExchange } from './support/node-exchange.js'
import { startServer } from './support/node-server.js'

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

describeHandler('node: withFlyback', (routes, options) => {
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    try {
      await handle(routes, req, res)
    } catch {
      fail(res)
    }
  }
  return startServer(options === undefined ? handler : withFlyback(handler, options))
})

describeHandler('node: flyback as a middleware', (routes, options) => {
  const use = options && flyback(options)
  return startServer((req, res) => {
    const next = (): void => void handle(routes, req, res).catch(() => fail(res))
    if (use) use(req, res, next)
    else next()
  })
})

describeHandler('express 5', (routes, options) => {
  const app = express()
  app.set('env', 'test')
  if (options) app.use(flybackForExpress(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, (req, res) => route(nodeExchange(req, res)))
  }
  return startServer(app)
})

describeHandler('express 4', (routes, options) => {
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
