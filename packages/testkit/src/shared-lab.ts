import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { inject } from 'vitest'
import type { ProvidedLab, ProvidedRegion } from './provided-lab.js'

export type Endpoint = 'writer' | 'replica'

/** The lab of this test run, as a worker sees it: all regions up, no distances, nobody breaks it. */
export interface SharedLab {
  readonly number: number
  readonly regions: readonly string[]
  readonly primaryRegion: string
  url(region: string, endpoint: Endpoint, database: string): string
  /** The environment of an app in the region, as `Lab.env`. */
  env(region: string, options: { readonly database: string }): Record<string, string>
  /** Creates a database of one's own; resolves when all replicas have it, and what the schema made. */
  createDatabase(options?: { readonly schema?: string }): Promise<TestDatabase>
  /** Looks into a member, past everything under test: one connection, one statement. */
  query<Row extends pg.QueryResultRow>(
    region: string,
    endpoint: Endpoint,
    database: string,
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>
  /** Resolves when all replicas have replayed what the primary has flushed now. */
  caughtUp(): Promise<void>
}

export interface TestDatabase extends AsyncDisposable {
  readonly name: string
  url(region: string, endpoint: Endpoint): string
  env(region: string): Record<string, string>
  query<Row extends pg.QueryResultRow>(
    region: string,
    endpoint: Endpoint,
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>
  drop(): Promise<void>
}

const MAINTENANCE_DATABASE = 'postgres'
const CATCH_UP_TIMEOUT_MS = 10_000
const POLL_MS = 3

/** The lab that `@flyback/testkit/global-setup` started. Only in tests of the project that has this set-up. */
export function sharedLab(): SharedLab {
  const lab = inject('flybackLab')
  const shared: SharedLab = {
    number: lab.number,
    regions: lab.regions.map(({ region }) => region),
    primaryRegion: lab.primaryRegion,
    url: (region, endpoint, database) => url(lab, region, endpoint, database),
    env: (region, { database }) => ({
      ...find(lab, region).env,
      DATABASE_URL: url(lab, region, 'writer', database),
      FLYBACK_REPLICA_URL: url(lab, region, 'replica', database),
    }),
    createDatabase: (options = {}) => createDatabase(lab, shared, options.schema),
    query: (region, endpoint, database, sql, params) =>
      query(url(lab, region, endpoint, database), sql, params),
    caughtUp: () => caughtUp(lab),
  }
  return shared
}

async function createDatabase(
  lab: ProvidedLab,
  shared: SharedLab,
  schema: string | undefined,
): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`
  const maintenance = url(lab, lab.primaryRegion, 'writer', MAINTENANCE_DATABASE)
  await query(maintenance, `create database ${name} strategy file_copy`)
  if (schema !== undefined) await query(url(lab, lab.primaryRegion, 'writer', name), schema)
  await caughtUp(lab)
  let dropped: Promise<void> | undefined
  const drop = () => {
    dropped ??= query(maintenance, `drop database if exists ${name} with (force)`).then(() => {})
    return dropped
  }
  return {
    name,
    url: (region, endpoint) => shared.url(region, endpoint, name),
    env: (region) => shared.env(region, { database: name }),
    query: (region, endpoint, sql, params) => shared.query(region, endpoint, name, sql, params),
    drop,
    [Symbol.asyncDispose]: drop,
  }
}

async function caughtUp(lab: ProvidedLab): Promise<void> {
  const maintenance = (region: string) => url(lab, region, 'replica', MAINTENANCE_DATABASE)
  const [flushed] = await query<{ lsn: string }>(
    maintenance(lab.primaryRegion),
    'select pg_current_wal_flush_lsn()::text as lsn',
  )
  const replicas = lab.regions.filter(({ region }) => region !== lab.primaryRegion)
  await Promise.all(
    replicas.map(({ region }) =>
      withClient(maintenance(region), async (client) => {
        const sql = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as reached'
        const deadline = performance.now() + CATCH_UP_TIMEOUT_MS
        while (performance.now() < deadline) {
          const { rows } = await client.query<{ reached: boolean }>(sql, [flushed?.lsn])
          if (rows[0]?.reached === true) return
          await sleep(POLL_MS)
        }
        throw new Error(
          `The replica in ${region} has not caught up: did a test break the shared lab?`,
        )
      }),
    ),
  )
}

function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  params?: readonly unknown[],
): Promise<Row[]> {
  return withClient(connectionString, async (client) => {
    const result = await client.query<Row>(sql, params === undefined ? undefined : [...params])
    return result.rows
  })
}

async function withClient<T>(
  connectionString: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString, application_name: 'flyback-testkit' })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

function url(lab: ProvidedLab, region: string, endpoint: Endpoint, database: string): string {
  const { host, port } = find(lab, region).endpoints[endpoint]
  return `postgres://${lab.user}:${lab.password}@${host}:${port}/${database}`
}

function find(lab: ProvidedLab, region: string): ProvidedRegion {
  const found = lab.regions.find((candidate) => candidate.region === region)
  if (found === undefined) throw new Error(`The shared lab has no region ${region}`)
  return found
}
