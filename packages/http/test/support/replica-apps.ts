import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { flyback as flybackForExpress } from '../../src/express.js'
import { withFlyback as withFlybackForFetch } from '../../src/fetch.js'
import { flyback as flybackForHono } from '../../src/hono.js'
import type { FlybackOptions } from '../../src/index.js'
import { withFlyback } from '../../src/node.js'
import type { Exchange } from './contract.js'
import { fetchExchange } from './fetch-exchange.js'
import { nodeExchange } from './node-exchange.js'
import { startServer, type TestServer } from './node-server.js'

export type StartReplica = (
  handle: (exchange: Exchange, path: string) => Promise<void> | void,
  options: FlybackOptions,
) => Promise<TestServer>

const pathOf = (url = ''): string => url.replace(/\?.*/s, '')

/** An app of one handler on each base, bare and in a framework. */
export const REPLICAS: ReadonlyArray<readonly [name: string, start: StartReplica]> = [
  [
    'node',
    (handle, options) =>
      startServer(
        withFlyback((req, res) => handle(nodeExchange(req, res), pathOf(req.url)), options),
      ),
  ],
  [
    'express',
    (handle, options) => {
      const app = express()
      app.set('env', 'test')
      app.use(flybackForExpress(options))
      app.use((req, res) => handle(nodeExchange(req, res), pathOf(req.url)))
      return startServer(app)
    },
  ],
  [
    'fetch',
    (handle, options) =>
      startServer(
        getRequestListener(
          withFlybackForFetch(async (request: Request) => {
            const exchange = fetchExchange(request)
            await handle(exchange, new URL(request.url).pathname)
            return exchange.response()
          }, options),
        ),
      ),
  ],
  [
    'hono',
    (handle, options) => {
      const app = new Hono()
      app.use(flybackForHono(options))
      app.all('*', async (c) => {
        const exchange = fetchExchange(c.req)
        await handle(exchange, c.req.path)
        return exchange.response()
      })
      app.onError((_error, c) => c.text('failed', 500))
      return startServer(getRequestListener(app.fetch))
    },
  ],
]
