import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Environment } from '@flyback/core'
import { Pool } from '@flyback/pg'
import { freePort, sharedLab, type TestDatabase } from '@flyback/testkit'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withFlyback as withFlybackForFetch } from '../src/fetch.js'
import { type FlybackOptions, withFlyback } from '../src/node.js'
import { SCHEMA } from './lab-app.js'

// Apps on a platform that has no replay header: plain HTTP between them, a real replica beside each.

type Handle = (method: string, url: URL, body: string) => Promise<object>
type Serve = (handle: Handle, options: FlybackOptions) => RequestListener

const BASES: ReadonlyArray<readonly [name: string, serve: Serve]> = [
  [
    'node',
    (handle, options) =>
      withFlyback(async (req, res) => {
        const body = await text(req)
        const answer = await handle(req.method ?? '', new URL(req.url ?? '', 'http://app'), body)
        res.setHeader('set-cookie', 'from=app').end(JSON.stringify(answer))
      }, options),
  ],
  [
    'fetch',
    (handle, options) =>
      getRequestListener(
        withFlybackForFetch(async (request: Request) => {
          const body = await request.text()
          return Response.json(await handle(request.method, new URL(request.url), body), {
            headers: { 'set-cookie': 'from=app' },
          })
        }, options),
      ),
  ],
]

const INSERT = 'insert into effect (id, region) values ($1, $2)'

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

/** The environment of a region where nothing replays. */
function plainEnv(region: string, overrides: Environment = {}): Environment {
  const { FLY_APP_NAME: _app, FLY_MACHINE_ID: _machine, ...env } = database.env(region)
  return { ...env, ...overrides }
}

interface App extends AsyncDisposable {
  readonly url: string
  send(path: string, init?: RequestInit): Promise<[status: number, answer: unknown]>
}

async function startApp(region: string, serve: Serve, env: Environment): Promise<App> {
  const pool = new Pool({ max: 2, flyback: { env } })
  const routes = [
    { path: '/attempt/*', policy: 'attempt' },
    { path: '/callback', policy: 'replay' },
  ] as const
  async function handle(method: string, url: URL, body: string): Promise<object> {
    const id = url.searchParams.get('id')
    const write = (): Promise<unknown> => pool.query(INSERT, [id, region])
    if (url.pathname === '/read') {
      const { rows } = await pool.query('select pg_is_in_recovery() as standby')
      return { region, ...rows[0] }
    }
    if (url.pathname === '/attempt/swallowed') await write().catch(() => undefined)
    else await write()
    return { region, method, body }
  }
  const server: Server = createServer(serve(handle, { env, routes }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async send(path, init) {
      const response = await fetch(new URL(path, url), init)
      return [response.status, response.ok ? await response.json() : await response.text()]
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await pool.end()
    },
  }
}

async function effects(id: string): Promise<string[]> {
  const sql = 'select region from effect where id = $1'
  const rows = await database.query<{ region: string }>('ewr', 'writer', sql, [id])
  return rows.map((row) => row.region)
}

describe.each(BASES)('FLYBACK_PRIMARY_URL on the lab: %s', (name, serve) => {
  const body = 'ü'.repeat(1000)
  const WRITES: readonly [path: string, init: RequestInit][] = [
    ['/hidden', {}],
    ['/callback', {}],
    ['/write', { method: 'POST', body }],
    ['/write', { method: 'DELETE' }],
    ['/attempt/thrown', { method: 'POST', body }],
    ['/attempt/swallowed', { method: 'PUT', body }],
  ]
  const run = async (app: App, where: string, ids: string): Promise<void> => {
    for (const [path, init] of WRITES) {
      const { method = 'GET', body: sent = '' } = init
      const id = `${name}-${ids}-${method}${path}`
      const answer = { region: where, method, body: sent }
      expect(await app.send(`${path}?id=${id}`, init)).toEqual([200, answer])
      expect(await effects(id)).toEqual([where])
    }
  }

  test('reads stay here; every write runs once, in the primary region', async () => {
    await using primary = await startApp('ewr', serve, plainEnv('ewr'))
    const env = plainEnv('iad', { FLYBACK_PRIMARY_URL: primary.url })
    await using replica = await startApp('iad', serve, env)
    expect(await replica.send('/read')).toEqual([200, { region: 'iad', standby: true }])
    await run(replica, 'ewr', 'carried')
  })

  test('rule 2: where regions disagree the second one serves what was carried to it', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const mistaken = plainEnv('iad', { FLYBACK_PRIMARY_URL: nowhere })
    await using second = await startApp('iad', serve, mistaken)
    const env = plainEnv('syd', { FLYBACK_PRIMARY_URL: second.url })
    await using first = await startApp('syd', serve, env)
    await run(first, 'iad', 'disagree')
  })

  test('rule 2: with nobody in the primary region nothing runs twice, and nothing is lost unsaid', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const env = plainEnv('iad', { FLYBACK_PRIMARY_URL: nowhere })
    await using replica = await startApp('iad', serve, env)
    const decided = `${name}-decided`
    expect(await replica.send(`/write?id=${decided}`, { method: 'POST', body })).toEqual([
      200,
      { region: 'iad', method: 'POST', body },
    ])
    expect(await effects(decided)).toEqual(['iad'])
    const refused = `${name}-refused`
    const [status] = await replica.send(`/attempt/thrown?id=${refused}`, { method: 'POST', body })
    expect(status).toBe(503)
    expect(await effects(refused)).toEqual([])
  })

  test('rule 2: a primary that acts and does not answer acts once', async () => {
    const pool = new Pool({ max: 1, flyback: { env: plainEnv('ewr') } })
    const dying = createServer((req, res) => {
      const id = new URL(req.url ?? '', 'http://app').searchParams.get('id')
      void pool.query(INSERT, [id, 'ewr']).then(() => res.destroy())
    })
    await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', resolve))
    // A listening TCP server has an AddressInfo.
    const url = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`
    await using replica = await startApp(
      'iad',
      serve,
      plainEnv('iad', { FLYBACK_PRIMARY_URL: url }),
    )
    for (const [path, init] of WRITES) {
      const id = `${name}-dying-${init.method}${path}`
      const [status] = await replica.send(`${path}?id=${id}`, init)
      expect(status).toBe(502)
      expect(await effects(id)).toEqual(['ewr'])
    }
    dying.closeAllConnections()
    await new Promise((resolve) => dying.close(resolve))
    await pool.end()
  })
})

describe.each(BASES)('without any platform on the lab: %s', (name, serve) => {
  const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']
  const policies = [undefined, 'attempt', 'replay', 'forward'] as const
  const fates = ['forward', 'fail'] as const

  test.each(
    policies.flatMap((policy) => fates.map((whenNotReplayable) => ({ policy, whenNotReplayable }))),
  )('no request is answered with 409, and each writes once: %o', async (options) => {
    const env = plainEnv('iad')
    const pool = new Pool({ max: 4, flyback: { env } })
    const handlers: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
      '/plain': (id) => pool.query(INSERT, [id, 'iad']),
      '/after-reads': async (id) => {
        await pool.query('select count(*) from item')
        await pool.query(INSERT, [id, 'iad'])
      },
      '/swallowed': (id) => pool.query(INSERT, [id, 'iad']).catch(() => undefined),
      '/transaction': async (id) => {
        const client = await pool.connect()
        try {
          await client.query('begin')
          await client.query(INSERT, [id, 'iad'])
          await client.query('commit')
        } finally {
          client.release()
        }
      },
    }
    const handle: Handle = async (method, url) => {
      try {
        await handlers[url.pathname]?.(url.searchParams.get('id') ?? '')
        return { method }
      } catch (error) {
        return { failed: String(error) }
      }
    }
    const { policy, whenNotReplayable } = options
    const routes = policy === undefined ? [] : [{ policy }]
    const server = createServer(serve(handle, { env, platform: false, whenNotReplayable, routes }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    // A listening TCP server has an AddressInfo.
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      for (const method of methods) {
        for (const path of Object.keys(handlers)) {
          const id = [name, policy, whenNotReplayable, method, path].join('-')
          const response = await fetch(`${base}${path}?id=${encodeURIComponent(id)}`, { method })
          expect([response.status, response.headers.get('fly-replay')]).toEqual([200, null])
          // What began on the replica cannot move: an attempted transaction fails, and says so.
          const isSafe = method !== 'POST' && method !== 'DELETE'
          const fails = path === '/transaction' && isSafe && (policy ?? 'attempt') === 'attempt'
          expect(await effects(id), id).toEqual(fails ? [] : ['iad'])
          if (method !== 'HEAD') {
            expect(await response.text()).toContain(fails ? 'failed' : method)
          }
        }
      }
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await pool.end()
    }
  })
})
