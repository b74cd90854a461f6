import { Pool, runOnPrimary } from '@flyback/pg'
import type { TestDatabase } from '@flyback/testkit'
import express, { type Express, type Request } from 'express'
import pg from 'pg'
import { findReplayRequired, flyback, requirePrimary } from '../src/express.js'

export const SCHEMA = `
  create table effect (id text not null, region text not null, at timestamptz not null default now());
  create table item (id serial primary key, name text unique not null, qty int not null default 0);
  insert into item (name, qty) select 'n' || g, g from generate_series(1, 10) g;
  create unlogged table scratch (id int);
  create function write_item() returns int language plpgsql as
    $$ begin insert into item (name) values ('f' || random()); return 1; end $$;
`

const WHO = 'select host(inet_server_addr()) as host, pg_is_in_recovery() as standby'
const INSERT = 'insert into effect (id, region) values ($1, $2)'

export interface LabApp {
  readonly listener: Express
  readonly pool: Pool
  close(): Promise<void>
}

export interface LabAppOptions {
  readonly env: Record<string, string>
  readonly max?: number
}

/** An app that does all that can go wrong with a write in a replica region. Its POSTs below /attempt are attempted. */
export function createLabApp({ env, max = 4 }: LabAppOptions): LabApp {
  const pool = new Pool({ max, flyback: { env } })
  const region = env['FLY_REGION'] ?? 'none'
  const app = express()
  app.use(flyback({ env, routes: [{ path: '/attempt/*', policy: 'attempt' }] }))
  const parameter = (req: Request, name: string): string => {
    const value = req.query[name]
    return typeof value === 'string' ? value : ''
  }
  const id = (req: Request): string => parameter(req, 'id')

  app.get('/read', async (_req, res) => {
    const { rows } = await pool.query(WHO)
    res.json({ region, ...rows[0] })
  })
  app.post('/write', express.json(), async (req, res) => {
    await pool.query(INSERT, [req.body.id, region])
    res.status(201).json({ region, body: req.body })
  })
  app.get('/hidden-write', async (req, res) => {
    res.cookie('from', region)
    await pool.query(INSERT, [id(req), region])
    res.json({ region })
  })
  app.post('/attempt/transaction', async (req, res) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('select count(*) from item')
      await client.query(INSERT, [id(req), region])
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
    res.json({ region })
  })
  app.post('/attempt/swallowed', async (req, res) => {
    await pool.query(INSERT, [id(req), region]).catch(() => {})
    res.json({ region, swallowed: true })
  })
  app.post('/attempt/wrapped', async (req, res) => {
    try {
      await pool.query(INSERT, [id(req), region])
    } catch (error) {
      throw new Error('could not save', { cause: error })
    }
    res.json({ region })
  })
  app.post('/attempt/forgetful', async (req, res) => {
    const client = await pool.connect()
    await client.query(INSERT, [id(req), region])
    // A client that was refused is never released: the exception takes the way past this line.
    client.release()
    res.json({ region })
  })
  app.post('/attempt/callbacks', (req, res, next) => {
    pool.connect((error, client, release) => {
      if (client === undefined) return next(error)
      client.query('select 1', () => {
        client.query(INSERT, [id(req), region], (failed) => {
          release()
          if (failed) next(failed)
          else res.json({ region })
        })
      })
    })
  })
  app.post('/attempt/clean', async (req, res) => {
    const { rows } = await pool.query('select $1::text as id', [id(req)])
    res.json({ region, id: rows[0].id })
  })
  app.post('/attempt/both', async (req, res) => {
    const forward = () => runOnPrimary(() => pool.query(INSERT, [`${id(req)}-a`, region]))
    const refused = () => pool.query(INSERT, [`${id(req)}-b`, region])
    const order = req.query['order'] === 'forward' ? [forward, refused] : [refused, forward]
    await Promise.all(order.map((start) => start()))
    res.json({ region })
  })
  app.post('/attempt/constraint', async (_req, res) => {
    await pool.query("insert into item (name) values ('n1')")
    res.json({ region })
  })
  app.get('/sql', async (req, res) => {
    await pool.query(parameter(req, 'q'))
    res.json({ region })
  })
  app.get('/required', (_req, res) => {
    requirePrimary()
    res.json({ region })
  })
  app.get('/streaming', async (req, res) => {
    await new Promise((begun) => res.write('begun', begun))
    await pool.query(INSERT, [id(req), region])
    res.end('done')
  })
  app.use((error: unknown, _req: Request, res: express.Response, _next: express.NextFunction) => {
    const code = error instanceof pg.DatabaseError ? error.code : undefined
    res
      .status(500)
      .json({ region, error: code ?? (findReplayRequired(error) ? 'replay' : String(error)) })
  })
  return { listener: app, pool, close: () => pool.end() }
}

/** The environment of a region, as the lab gives it to apps there. */
export function envOf(
  database: TestDatabase,
  region: string,
  overrides: Record<string, string> = {},
): Record<string, string> {
  return { ...database.env(region), ...overrides }
}
