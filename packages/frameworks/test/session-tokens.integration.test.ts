import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { flyback } from '@flyback/http/express'
import { withFlyback } from '@flyback/http/fetch'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { Pool } from '@flyback/pg'
import { type App, serveRegions } from '@flyback/testkit'
import { getRequestListener } from '@hono/node-server'
import compression from 'compression'
import connectPgSimple from 'connect-pg-simple'
import express, { type RequestHandler } from 'express'
import session from 'express-session'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CookieJar } from './cookie-jar.ts'

// Logging in where the primary is, then a page where the replica is behind: what replicas are turned off again for.

declare module 'express-session' {
  interface SessionData {
    visitor: string
  }
}

type Env = Readonly<Record<string, string>>

const require = createRequire(import.meta.url)
const SCHEMA = readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8')
const PAGE = 'x'.repeat(5000)

let lab: Lab
let database: LabDatabase
beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  database = await lab.createDatabase()
  const client = new Client({ connectionString: database.url('ewr', 'writer') })
  await client.connect()
  await client.query(SCHEMA)
  await client.end()
  await lab.caughtUp()
})
afterEach(async () => {
  await lab.resume('iad')
  await lab.caughtUp()
})
afterAll(() => lab.close())

/** Sessions in Postgres, saved while the response ends: nothing in the handlers waits for them. */
function sessionApp(env: Env, front: readonly RequestHandler[], token?: false): App {
  const pool = new Pool({ max: 3, flyback: { env, maxWaitMs: 50 } })
  const region = env['FLY_REGION']
  const Store = connectPgSimple(session)
  const app = express()
  app.use(flyback({ env, ...(token === false && { token }) }))
  if (front.length > 0) app.use(...front)
  app.use(
    session({
      secret: 'of the test',
      resave: false,
      saveUninitialized: false,
      store: new Store({ pool, pruneSessionInterval: false, disableTouch: true }),
    }),
  )
  app.post('/log-in', (req, res) => {
    req.session.visitor = 'ann'
    res.json({ page: PAGE })
  })
  app.get('/oauth/callback', (req, res) => {
    req.session.visitor = 'ann'
    res.redirect('/dashboard')
  })
  app.get('/stream', (req, res) => {
    req.session.visitor = 'ann'
    res.write('one')
    res.end('two')
  })
  app.get('/empty', (req, res) => {
    req.session.visitor = 'ann'
    res.status(204).end()
  })
  app.get('/dashboard', (req, res) => {
    res.json({ visitor: req.session.visitor ?? null, region })
  })
  return { listener: app, close: () => pool.end() }
}

/** The same in the web's own form, with a handler that waits. */
function fetchApp(env: Env, token?: false): App {
  const pool = new Pool({ max: 3, flyback: { env, maxWaitMs: 50 } })
  const region = env['FLY_REGION']
  const insert = `insert into session (sid, sess, expire) values ($1, $2, now() + '1 hour')`
  const select = "select sess->>'visitor' as visitor from session where sid = $1"
  async function handle(request: Request): Promise<Response> {
    if (!request.url.endsWith('/dashboard')) {
      const sid = crypto.randomUUID()
      await pool.query(insert, [sid, { visitor: 'ann' }])
      return new Response(null, { status: 303, headers: { 'set-cookie': `sid=${sid}; Path=/` } })
    }
    const [, sid] = /sid=([^;]*)/.exec(request.headers.get('cookie') ?? '') ?? []
    const { rows } = await pool.query(select, [sid])
    return Response.json({ visitor: rows[0]?.visitor ?? null, region })
  }
  const handler = withFlyback(handle, { env, ...(token === false && { token }) })
  return { listener: getRequestListener((request) => handler(request)), close: () => pool.end() }
}

const env = (region: string): Env => lab.env(region, { database: database.name })

/** Logs in in ewr, and opens the dashboard in iad, which stands still. */
async function visit(serve: (region: string) => App, path: string, method: string) {
  await using regions = await serveRegions({ regions: ['ewr', 'iad'], serve })
  await lab.freeze('iad')
  const jar = new CookieJar()
  const init = { method, redirect: 'manual' } as const
  const login = await fetch(regions.url('ewr', path), init)
  jar.receive(login)
  await login.text()
  const seen = await fetch(regions.url('iad', '/dashboard'), { headers: { cookie: jar.header } })
  return {
    carried: jar.has('flyback-'),
    cache: login.headers.get('cache-control'),
    page: await seen.json(),
  }
}

const LOGINS = [
  ['POST', '/log-in'],
  ['GET', '/oauth/callback'],
  ['GET', '/stream'],
  ['GET', '/empty'],
] as const

describe.each([
  ['sessions in Postgres', []],
  ['compression, and sessions in Postgres', [compression()]],
] as const)('%s', (_name, front) => {
  test.each(LOGINS)(
    'a visitor who has logged in by %s %s is logged in next to a replica that stands still',
    async (method, path) => {
      expect(await visit((region) => sessionApp(env(region), front), path, method)).toEqual({
        carried: true,
        cache: 'private',
        page: { visitor: 'ann', region: 'ewr' },
      })
    },
  )
})

test('a visitor whose handler waits for its session is logged in, in the web form', async () => {
  const serve = (region: string): App => fetchApp(env(region))
  expect(await visit(serve, '/log-in', 'POST')).toEqual({
    carried: true,
    cache: 'private',
    page: { visitor: 'ann', region: 'ewr' },
  })
})

test.each([
  ['Express', (region: string) => sessionApp(env(region), [], false)],
  ['the web form', (region: string) => fetchApp(env(region), false)],
])('without tokens the same visitor is logged out: %s', async (_name, serve) => {
  expect(await visit(serve, '/log-in', 'POST')).toMatchObject({
    carried: false,
    page: { visitor: null, region: 'iad' },
  })
})
