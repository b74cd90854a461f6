import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { flyback } from '@flyback/http/express'
import { Pool } from '@flyback/pg'
import { type Regions, serveRegions, sharedLab, type TestDatabase } from '@flyback/testkit'
import busboy from 'busboy'
import compression from 'compression'
import connectPgSimple from 'connect-pg-simple'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import session from 'express-session'
import express4 from 'express4'
import multer from 'multer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// What many Express apps have in front of their handlers, none of it made for replays.

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

const require = createRequire(import.meta.url)
const schema = `${readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8')}
  create table effect (id text not null, region text not null);
`
const INSERT = 'insert into effect (id, region) values ($1, $2)'
const PAGE = 'x'.repeat(5000)

type Env = Record<string, string>

/** Sessions in Postgres, saved while the response ends; in front of them whatever a row of the table below says. */
function createApp(create: typeof express, env: Env, front: readonly RequestHandler[]) {
  const pool = new Pool({ max: 3, flyback: { env } })
  const region = env['FLY_REGION'] ?? ''
  const Store = connectPgSimple(session)
  const app = create()
  app.use(flyback({ env, routes: [{ path: '/attempt/*', policy: 'attempt' }] }))
  if (front.length > 0) app.use(...front)
  app.use(
    session({
      secret: 'of the test',
      resave: false,
      saveUninitialized: false,
      store: new Store({ pool, pruneSessionInterval: false, disableTouch: true }),
    }),
  )

  app.get('/page', (_req, res) => void res.json({ region, page: PAGE }))
  app.get('/count', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.json({ region, views: req.session.views, page: PAGE })
  })
  app.get('/count/stream', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.setHeader('content-type', 'application/json')
    res.write(`{"region":"${region}","page":"${PAGE}",`)
    res.end(`"views":${req.session.views}}`)
  })
  app.get('/leave', (req, res) => {
    req.session.destroy(() => res.redirect('/page'))
  })

  const upload = multer()
  app.post('/attempt/multer', upload.single('file'), (req, res, next) => {
    pool
      .query(INSERT, [req.body.id, region])
      .then(() => res.json({ region, size: req.file?.size, id: req.body.id }), next)
  })
  app.post('/attempt/busboy', (req, res, next) => {
    const fields: Record<string, string> = {}
    let size = 0
    const parser = busboy({ headers: req.headers })
    parser.on('field', (name, value) => {
      fields[name] = value
    })
    parser.on('file', (_name, file) => {
      file.on('data', (chunk: Buffer) => {
        size += chunk.length
      })
      file.on('end', () => {
        // A callback of a stream of a parser of a request: the scope has to be there.
        pool.query(INSERT, [fields['id'], region], (error) => {
          if (error) next(error)
          else res.json({ region, size, id: fields['id'] })
        })
      })
    })
    req.pipe(parser)
  })
  const fail: ErrorRequestHandler = (_error, _req, res, _next) => {
    if (!res.headersSent) res.status(500).json({ region, failed: true })
  }
  app.use(fail)
  return { listener: app, close: () => pool.end() }
}

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema })
})
afterAll(() => database.drop())

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s', (_name, create) => {
  const serve = (front: readonly RequestHandler[] = []): Promise<Regions> =>
    serveRegions({
      regions: ['ewr', 'iad'],
      serve: (region) => createApp(create, database.env(region), front),
    })

  /** A visitor of iad: keeps the cookies. */
  async function visit(regions: Regions, path: string, jar: Map<string, string>) {
    const headers: Record<string, string> = { 'accept-encoding': 'gzip' }
    if (jar.size > 0) headers['cookie'] = [...jar].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(regions.url('iad', path), { headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split('=') ?? []
      if (line.includes('Max-Age=0;')) jar.delete(name)
      else jar.set(name, value)
    }
    const text = await response.text()
    return {
      status: response.status,
      encoding: response.headers.get('content-encoding'),
      body: text.startsWith('{') ? JSON.parse(text) : text,
    }
  }

  describe.each([
    ['sessions in Postgres', [], null],
    ['compression, and sessions in Postgres', [compression()], 'gzip'],
  ] as const)('%s', (_front, front, encoding) => {
    test.each(['/count', '/count/stream'])(
      'a GET whose session is saved while its response ends runs in the primary region, once: %s',
      async (path) => {
        await using regions = await serve(front)
        const jar = new Map<string, string>()
        for (const views of [1, 2, 3]) {
          const seen = await visit(regions, path, jar)
          expect(seen).toMatchObject({
            status: 200,
            encoding,
            body: { region: 'ewr', views, page: PAGE },
          })
          await sharedLab().caughtUp()
        }
        await expect
          .poll(() => regions.records.map(({ hops }) => hops.map(({ region }) => region)))
          .toEqual([1, 2, 3].map(() => ['iad', 'ewr']))

        const page = await visit(regions, '/page', jar)
        expect(page, 'a page that does not change the session is read here').toMatchObject({
          status: 200,
          encoding,
          body: { region: 'iad', page: PAGE },
        })
      },
    )
  })

  test('a session that is destroyed by a GET is destroyed in the primary region', async () => {
    await using regions = await serve()
    const jar = new Map<string, string>()
    await visit(regions, '/count', jar)
    // What the visitor sends once more was that of the session.
    const before = new Map(jar)
    await sharedLab().caughtUp()
    expect(await visit(regions, '/leave', jar)).toMatchObject({ status: 302 })
    await sharedLab().caughtUp()
    expect((await visit(regions, '/count', before)).body).toMatchObject({ views: 1 })
  })

  test.each(['multer', 'busboy'])(
    'an upload that %s has read is replayed whole when its callback is refused',
    async (parser) => {
      await using regions = await serve()
      for (const [region, expected] of [
        ['iad', ['iad', 'ewr']],
        ['ewr', ['ewr']],
      ] as const) {
        const id = `${parser} ${_name} ${region}`
        const form = new FormData()
        form.set('id', id)
        form.set('file', new Blob([new Uint8Array(300_000)]), 'file.bin')
        const seen = regions.records.length
        const init = { method: 'POST', body: form }
        const response = await fetch(regions.url(region, `/attempt/${parser}`), init)
        expect(await response.json()).toEqual({ region: 'ewr', size: 300_000, id })
        await expect.poll(() => regions.records.length).toBe(seen + 1)
        expect(regions.records.at(-1)?.hops.map((hop) => hop.region)).toEqual(expected)
        const sql = 'select region from effect where id = $1'
        expect(await database.query('ewr', 'writer', sql, [id])).toEqual([{ region: 'ewr' }])
      }
    },
  )
})
