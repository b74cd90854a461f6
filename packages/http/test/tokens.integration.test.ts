import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { Pool } from '@flyback/pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withFlyback as withFetch } from '../src/fetch.js'
import { cookieToken, type FlybackOptions, fly, headerToken, withFlyback } from '../src/node.js'

const REGIONS = ['ewr', 'iad']
const WHO = 'select count(*)::int as items, pg_is_in_recovery() as standby from item'

let lab: Lab
let database: LabDatabase
const pools = new Map<string, Pool>()

beforeAll(async () => {
  lab = await startLab({ regions: REGIONS, distanceScale: 0 })
  database = await lab.createDatabase()
  for (const region of REGIONS) {
    pools.set(region, new Pool({ max: 3, flyback: { env: env(region), maxWaitMs: 50 } }))
  }
  await poolOf('ewr').query('create table item (id serial primary key, name text)')
  await lab.caughtUp()
})
afterAll(async () => {
  await Promise.all([...pools.values()].map((pool) => pool.end()))
  await lab.close()
})

const env = (region: string) => lab.env(region, { database: database.name })

function poolOf(region: string): Pool {
  const pool = pools.get(region)
  if (pool === undefined) throw new Error(`no pool in ${region}`)
  return pool
}

/** The replica has caught up, and the app has noticed. */
async function recovered(): Promise<void> {
  await lab.resume('iad')
  await lab.caughtUp()
  await sleep(100)
}

/** What a visitor sees of an app, in either form. */
type Send = (region: string, init?: RequestInit) => Promise<Response>

/** POST writes, GET reads; each answers with JSON. */
async function work(region: string, method: string | undefined): Promise<object> {
  const pool = poolOf(region)
  if (method === 'POST') await pool.query("insert into item (name) values ('x')")
  const { rows } = await pool.query(WHO)
  return rows[0]
}

type AppOptions = Pick<FlybackOptions<never>, 'token' | 'consistency'>

function fetchApp(options: AppOptions): { send: Send } & AsyncDisposable {
  return {
    send(region, init = {}) {
      const handler = withFetch(
        async (request: Request) => Response.json(await work(region, request.method)),
        { env: env(region), platform: fly(), ...options },
      )
      return Promise.resolve(handler(new Request('https://app.example/', init)))
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function nodeApp(options: AppOptions): Promise<{ send: Send } & AsyncDisposable> {
  const servers = new Map<string, ReturnType<typeof createServer>>()
  for (const region of REGIONS) {
    const server = createServer(
      withFlyback(
        async (req, res) => {
          const body = await work(region, req.method)
          res.writeHead(200, { 'Set-Cookie': 'own=1', 'Cache-Control': 'public, max-age=5' })
          res.end(JSON.stringify(body))
        },
        { env: env(region), platform: fly(), ...options },
      ),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.set(region, server)
  }
  return {
    send(region, init = {}) {
      const address = servers.get(region)?.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const headers = new Headers(init.headers)
      headers.set('x-forwarded-proto', 'https')
      return fetch(`http://127.0.0.1:${port}/`, { ...init, headers })
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

const tokenCookies = (response: Response): string[] =>
  response.headers.getSetCookie().filter((line) => line.includes('flyback-'))

const cookieOf = (response: Response): string =>
  tokenCookies(response)
    .filter((line) => !line.includes('Max-Age=0'))
    .map((line) => line.split(';', 1)[0])
    .join('; ')

const APPS = [
  ['Node', nodeApp],
  ['Fetch', (options: AppOptions) => Promise.resolve(fetchApp(options))],
] as const

describe.each(APPS)('in %s', (name, open) => {
  test('the response of a write carries its token, beside what the app sets, for that client alone', async () => {
    await using app = await open({})
    const response = await app.send('ewr', { method: 'POST' })
    expect(tokenCookies(response)).toEqual([
      expect.stringMatching(
        /^__Host-flyback-[0-9a-z]+-1-[0-9a-z]+=1\.[0-9a-z.]+; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ])
    const isNode = name === 'Node'
    expect(response.headers.get('cache-control')).toBe(isNode ? 'private, max-age=5' : 'private')
    expect(response.headers.getSetCookie()).toHaveLength(isNode ? 2 : 1)
  })

  test('the response of a read carries none, and is as its app made it', async () => {
    await using app = await open({})
    for (const region of REGIONS) {
      const response = await app.send(region)
      expect([response.status, tokenCookies(response)]).toEqual([200, []])
      expect(response.headers.get('cache-control')).toBe(
        name === 'Node' ? 'public, max-age=5' : null,
      )
    }
  })

  test('a read of the same client is replayed while its replica is frozen, and local afterwards', async () => {
    await using app = await open({})
    await lab.freeze('iad')
    const written = await app.send('ewr', { method: 'POST' })
    const headers = { cookie: cookieOf(written) }
    const stale = await app.send('iad', { headers })
    expect([stale.status, stale.headers.get('fly-replay')]).toEqual([
      409,
      expect.stringContaining('region=ewr;state=flyback.1.stale'),
    ])
    expect(stale.headers.getSetCookie()).toEqual([])
    const primary = await app.send('ewr', { headers })
    expect(await primary.json()).toMatchObject({ standby: false })
    await recovered()
    const { items } = JSON.parse(await written.text())
    const local = await app.send('iad', { headers })
    expect(await local.json()).toEqual({ items, standby: true })
    expect(tokenCookies(local)).toEqual([])
  })

  test('without tokens the same client reads the past', async () => {
    await using app = await open({ token: false })
    await lab.freeze('iad')
    const { items } = JSON.parse(await (await app.send('ewr', { method: 'POST' })).text())
    const local = await app.send('iad')
    expect(await local.json()).toEqual({ items: items - 1, standby: true })
    await recovered()
  })

  test('a later write takes the place of an earlier one', async () => {
    await using app = await open({})
    const first = cookieOf(await app.send('ewr', { method: 'POST' }))
    const second = await app.send('ewr', { method: 'POST', headers: { cookie: first } })
    const [cookie] = first.split('=', 1)
    expect(tokenCookies(second)).toEqual([
      expect.stringContaining('Max-Age=2592000'),
      expect.stringContaining(`${cookie}=; Max-Age=0; Path=/; HttpOnly; Secure`),
    ])
  })

  test('a header pair does the same', async () => {
    await using app = await open({ token: headerToken() })
    await lab.freeze('iad')
    const written = await app.send('ewr', { method: 'POST' })
    const token = written.headers.get('flyback-token') ?? ''
    expect(token).toMatch(/^1\./)
    const stale = await app.send('iad', { headers: { 'flyback-token': token } })
    expect(stale.status).toBe(409)
    await recovered()
    const local = await app.send('iad', { headers: { 'flyback-token': token } })
    expect(await local.json()).toMatchObject({ standby: true })
  })

  test('a token that was not signed by this app is as none', async () => {
    const secret = 'a secret of more than thirty-two characters'
    await using app = await open({ token: cookieToken({ secret }) })
    await lab.freeze('iad')
    const cookie = cookieOf(await app.send('ewr', { method: 'POST' }))
    expect((await app.send('iad', { headers: { cookie } })).status).toBe(409)
    const forged = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    expect((await app.send('iad', { headers: { cookie: forged } })).status).toBe(200)
    await recovered()
  })
})
