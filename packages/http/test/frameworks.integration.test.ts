import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { Pool, runOnPrimary } from '@flyback/pg'
import { serveRegions, sharedLab, type TestDatabase } from '@flyback/testkit'
import { getRequestListener } from '@hono/node-server'
import express, {
  type Request as ExpressRequest,
  type Response as ExpressResponse,
  type NextFunction,
} from 'express'
import express4 from 'express4'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flyback as flybackExpress } from '../src/express.js'
import { withFlyback as withFlybackFetch } from '../src/fetch.js'
import { flyback as flybackHono } from '../src/hono.js'
import { withFlyback as withFlybackNode } from '../src/node.js'
import { SCHEMA } from './lab-app.js'

// The same five handlers in every framework, on a real standby behind the edge.

type Env = Record<string, string>
/** A handler as every framework can call it: what it answers with, or what it throws. */
type Handle = (path: string, query: URLSearchParams, body: string) => Promise<object>

const ROUTES = { routes: [{ path: '/attempt/*', policy: 'attempt' }] } as const

const FRAMEWORKS: [name: string, serve: (env: Env, handle: Handle) => RequestListener][] = [
  ['express 5', (env, handle) => expressApp(express, env, handle)],
  ['express 4', (env, handle) => expressApp(express4, env, handle)],
  [
    'node',
    (env, handle) =>
      withFlybackNode(
        async (req: IncomingMessage, res: ServerResponse) => {
          const url = new URL(req.url ?? '/', 'http://app')
          const answer = await handle(url.pathname, url.searchParams, await text(req))
          res.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
        },
        { env, ...ROUTES },
      ),
  ],
  [
    'hono',
    (env, handle) => {
      const app = new Hono()
      app.use(flybackHono({ env, ...ROUTES }))
      app.all('*', async (c) => {
        const url = new URL(c.req.url)
        return c.json(await handle(url.pathname, url.searchParams, await c.req.text()))
      })
      app.onError((_error, c) => c.json({ failed: true }, 500))
      return getRequestListener(app.fetch)
    },
  ],
  [
    'fetch',
    (env, handle) =>
      getRequestListener(
        withFlybackFetch(
          async (request: Request) => {
            const url = new URL(request.url)
            return Response.json(await handle(url.pathname, url.searchParams, await request.text()))
          },
          { env, ...ROUTES },
        ),
      ),
  ],
]

function expressApp(create: typeof express, env: Env, handle: Handle): RequestListener {
  const app = create()
  app.use(flybackExpress({ env, ...ROUTES }))
  app.use(express.text({ type: '*/*', limit: '2mb' }))
  app.use((req: ExpressRequest, res: ExpressResponse, next: NextFunction) => {
    const url = new URL(req.originalUrl, 'http://app')
    const body = typeof req.body === 'string' ? req.body : ''
    handle(url.pathname, url.searchParams, body).then((answer) => res.json(answer), next)
  })
  return app
}

const INSERT = 'insert into effect (id, region) values ($1, $2)'

function handlers(env: Env, pool: Pool): Handle {
  const region = env['FLY_REGION'] ?? ''
  return async (path, query, body) => {
    const id = query.get('id')
    switch (path) {
      case '/read':
        return { region, ...(await pool.query('select pg_is_in_recovery() as standby')).rows[0] }
      case '/attempt/swallowed':
        await pool.query(INSERT, [id, region]).catch(() => {})
        return { region, body }
      case '/attempt/forwarded':
        await runOnPrimary(() => pool.query(INSERT, [id, region]))
        return { region, body }
      default:
        await pool.query(INSERT, [id, region])
        return { region, body }
    }
  }
}

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

describe.each(FRAMEWORKS)('%s on the lab', (name, serve) => {
  test('reads here; a write thrown, swallowed or by its method is replayed once; a forwarded one stays', async () => {
    await using regions = await serveRegions({
      regions: ['ewr', 'iad'],
      serve: (region) => {
        const env = database.env(region)
        const pool = new Pool({ max: 2, flyback: { env } })
        return { listener: serve(env, handlers(env, pool)), close: () => pool.end() }
      },
    })
    const send = async (path: string, init?: RequestInit): Promise<unknown> =>
      (await fetch(regions.url('iad', path), init)).json()
    const effects = async (id: string): Promise<unknown[]> => {
      const rows = await database.query<{ region: string }>(
        'ewr',
        'writer',
        'select region from effect where id = $1',
        [id],
      )
      return rows.map((row) => row.region)
    }
    const body = 'ü'.repeat(1000)

    expect(await send('/read')).toEqual({ region: 'iad', standby: true })
    for (const [path, init, where] of [
      ['/hidden', {}, 'ewr'],
      ['/attempt/thrown', { method: 'POST', body }, 'ewr'],
      ['/attempt/swallowed', { method: 'POST', body }, 'ewr'],
      ['/write', { method: 'POST', body }, 'ewr'],
      ['/attempt/forwarded', { method: 'POST', body }, 'iad'],
    ] as const) {
      const id = `${name}${path}`
      expect(await send(`${path}?id=${encodeURIComponent(id)}`, init)).toEqual({
        region: where,
        body: 'body' in init ? body : '',
      })
      expect(await effects(id), path).toEqual([where])
    }
  })

  test('rule 2: a chunked body over the limit is forwarded whole, never lost to the proxy', async () => {
    await using regions = await serveRegions({
      regions: ['ewr', 'iad'],
      serve: (region) => {
        const env = database.env(region)
        const pool = new Pool({ max: 2, flyback: { env } })
        const handle: Handle = async (_path, query, body) => {
          await pool.query(INSERT, [query.get('id'), region])
          return { region, length: body.length }
        }
        return { listener: serve(env, handle), close: () => pool.end() }
      },
    })
    const length = 1_500_000
    const chunk = 'x'.repeat(50_000)
    let left = length / chunk.length
    const stream = new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(new TextEncoder().encode(chunk))
        else controller.close()
      },
    })
    const init = {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: stream,
      duplex: 'half',
    } as const
    const response = await fetch(
      regions.url('iad', `/write?id=${encodeURIComponent(`${name}-large`)}`),
      init,
    )
    expect(await response.json()).toEqual({ region: 'iad', length })
    await expect.poll(() => regions.records.map((record) => record.hops.length)).toEqual([1])
  })
})
