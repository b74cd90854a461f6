import { Pool, type PoolConfig } from '@flyback/pg'
import postgres from '@flyback/postgres'
import { CONTRACT_SCHEMA, type TestDatabase } from '@flyback/testkit'
import { type Dialect, type Kysely, type KyselyConfig, PostgresDialect, sql } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { FlybackDialect, FlybackKysely, type FlybackOptions } from '../src/index.js'
import type { Database } from './adapter-under-test.js'

export const SCHEMA: string = `${CONTRACT_SCHEMA}
  create materialized view names as select name from item;
`

export interface OpenDb extends AsyncDisposable {
  readonly db: FlybackKysely<Database>
  /** Connections that were ever opened. */
  opened(): number
}

/** What an app is told of a database. */
export type World = Pick<TestDatabase, 'env'>

type Options = Omit<KyselyConfig, 'dialect'> & Pick<PoolConfig, 'max' | 'flyback'>

/** Kysely over a pool of Flyback, in a region; no connection may be left out when the test ends. */
export function openDb(database: World, region: string, options: Options = {}): OpenDb {
  const { max = 2, flyback, ...config } = options
  const pool = new Pool({ max, flyback: { env: database.env(region), ...flyback } })
  return watched([pool], new FlybackDialect({ pool, cursor: Cursor }), config)
}

/** Kysely over two dialects that know nothing of Flyback, each over a pool of pg's own. */
export function openPair(database: World, region: string, options: Options = {}): OpenDb {
  const { max = 2, flyback, ...config } = options
  const env = { ...database.env(region), ...flyback?.env }
  const [writer, replica] = [env['DATABASE_URL'], env['FLYBACK_REPLICA_URL']].map(
    (connectionString) => new pg.Pool({ connectionString, max }),
  )
  if (writer === undefined || replica === undefined) throw new Error('two pools')
  // What docs/kysely.md tells the owner of a plain pool to do.
  for (const pool of [writer, replica]) {
    pool.on('connect', (client) => client.on('error', () => {}))
    pool.on('error', () => {})
  }
  const given: FlybackOptions = { ...flyback, env }
  const dialect = new FlybackDialect({
    writer: new PostgresDialect({ pool: writer, cursor: Cursor }),
    replica: new PostgresDialect({ pool: replica, cursor: Cursor }),
    flyback: given,
  })
  return watched([writer, replica], dialect, config)
}

/** Kysely over `sql` of @flyback/postgres. */
export function openPostgres(
  database: World,
  region: string,
  { max = 2, flyback, ...config }: Options = {},
): OpenDb {
  const over = postgres({ max, flyback: { env: database.env(region), ...flyback } })
  const dialect = new FlybackDialect({
    over,
    dialect: (handle) => new PostgresJSDialect({ postgres: handle }),
  })
  return watched([], dialect, config)
}

function watched(
  pools: readonly pg.Pool[],
  dialect: Dialect,
  config: Omit<KyselyConfig, 'dialect'>,
): OpenDb {
  let opened = 0
  for (const pool of pools) pool.on('connect', () => opened++)
  const db = new FlybackKysely<Database>({ ...config, dialect })
  return {
    db,
    opened: () => opened,
    async [Symbol.asyncDispose]() {
      await settled(pools)
      const leaked = pools.reduce((sum, pool) => sum + pool.totalCount - pool.idleCount, 0)
      await db.destroy()
      for (const pool of pools) if (!pool.ended) await pool.end()
      if (leaked > 0) throw new Error(`${leaked} connections were never released`)
    },
  }
}

/** Waits for releases under way: a refused transaction is rolled back before its client is idle again. */
async function settled(pools: readonly pg.Pool[]): Promise<void> {
  for (let turn = 0; turn < 100; turn++) {
    if (pools.every((pool) => pool.totalCount === pool.idleCount)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Whether a standby answers. */
export async function onStandby(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ standby: boolean }>`select pg_is_in_recovery() as standby`.execute(
    db,
  )
  return rows[0]?.standby === true
}

export async function pidOf(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  return Number(rows[0]?.pid)
}

/** How many items of a name there are, on the primary. */
export async function count(database: TestDatabase, name: string): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'ewr',
    'writer',
    'select count(*)::int as n from item where name = $1',
    [name],
  )
  return row?.n ?? Number.NaN
}

export { failure, inRequest, openScope, requestWith } from '@flyback/testkit'
