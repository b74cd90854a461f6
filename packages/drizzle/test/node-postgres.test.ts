import { ConfigurationError } from '@flyback/core'
import { Client, Pool } from '@flyback/pg'
import { is } from 'drizzle-orm'
import * as upstream from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import * as ours from '../src/node-postgres.js'

const { drizzle } = ours
const URL_HERE = 'postgres://user:sEcReT@127.0.0.1:5432/here'
const REPLICA = {
  FLY_REGION: 'iad',
  PRIMARY_REGION: 'ewr',
  FLYBACK_REPLICA_URL: 'postgres://user:sEcReT@127.0.0.1:5433/here',
}

/** Nothing here connects: pools open their connections when first asked. */
function stubReplicaRegion(): void {
  for (const [name, value] of Object.entries(REPLICA)) vi.stubEnv(name, value)
}

/** What the session of a database sends its statements to. */
function sessionClient(db: object): unknown {
  return Reflect.get(Reflect.get(Reflect.get(db, '_'), 'session'), 'client')
}

describe('drizzle() takes all forms of Drizzle', () => {
  const schema = {}
  test.each([
    ['url', () => drizzle(URL_HERE)],
    ['url, config', () => drizzle(URL_HERE, { schema, casing: 'snake_case' })],
    ['connection', () => drizzle({ connection: URL_HERE })],
    ['connection, config', () => drizzle({ connection: URL_HERE, schema, logger: false })],
    ['connection of options', () => drizzle({ connection: { connectionString: URL_HERE } })],
    ['url, flyback', () => drizzle(URL_HERE, { flyback: { env: {} } })],
    [
      'connection of options, flyback',
      () => drizzle({ connection: { connectionString: URL_HERE }, flyback: { env: {} } }),
    ],
    [
      'flyback with an environment',
      () => drizzle({ flyback: { env: { DATABASE_URL: URL_HERE } } }),
    ],
    [
      'nothing, from the environment',
      () => {
        vi.stubEnv('DATABASE_URL', URL_HERE)
        return drizzle()
      },
    ],
    [
      'undefined, from the environment',
      () => {
        vi.stubEnv('DATABASE_URL', URL_HERE)
        // @ts-expect-error -- a variable that is not set
        return drizzle(process.env['NOT_SET'])
      },
    ],
    [
      'a config alone, from the environment',
      () => {
        vi.stubEnv('DATABASE_URL', URL_HERE)
        return drizzle({ schema })
      },
    ],
  ])('%s', (_form, make) => {
    const db = make()
    expect(db.$client).toBeInstanceOf(Pool)
    expect(db.$client.options.connectionString).toBe(URL_HERE)
    expect(is(db, upstream.NodePgDatabase)).toBe(true)
    expect(db).toBeInstanceOf(upstream.NodePgDatabase)
    expect(db.$primary).toBe(db)
  })

  test.each<[string, new (config: pg.PoolConfig) => pg.Pool]>([
    ['a Pool of Flyback', Pool],
    ['a pg.Pool, with no regions known', pg.Pool],
  ])('%s', (_form, PoolClass) => {
    const pool = new PoolClass({ connectionString: URL_HERE })
    for (const db of [
      drizzle(pool),
      drizzle(pool, { schema }),
      drizzle({ client: pool, schema }),
    ]) {
      expect(db.$client).toBe(pool)
      expect(sessionClient(db)).toBe(pool)
      expect(db.$primary).toBe(db)
    }
  })

  test('a client, and a pg.Client', () => {
    for (const client of [new pg.Client(URL_HERE), new Client(URL_HERE)]) {
      expect(drizzle(client).$client).toBe(client)
      expect(sessionClient(drizzle({ client }))).toBe(client)
    }
  })

  test('options of a pool, whose password is hidden', () => {
    const { options } = new pg.Pool({ host: 'localhost', user: 'u', password: 'sEcReT' })
    for (const flyback of [undefined, {}]) {
      const db = drizzle({ connection: options, flyback })
      expect(db.$client.options).toMatchObject({ host: 'localhost', user: 'u' })
      expect(db.$client.options.password).toBe('sEcReT')
      expect(JSON.stringify(db.$client.options)).not.toContain('sEcReT')
    }
  })

  test('mock is that of Drizzle', () => {
    expect(drizzle.mock).toBe(upstream.drizzle.mock)
    const query = drizzle.mock().execute('select 1').getQuery()
    expect(query.sql).toBe('select 1')
  })

  test('all else that Drizzle exports is there', () => {
    for (const [name, value] of Object.entries(upstream)) {
      if (name !== 'drizzle') expect(Reflect.get(ours, name), name).toBe(value)
    }
  })
})

describe('in a replica region', () => {
  test('the database made from a URL has two endpoints, and $client is the pool itself', async () => {
    const db = drizzle(URL_HERE, { flyback: { env: REPLICA } })
    expect(db.$client).toBeInstanceOf(Pool)
    expect(sessionClient(db)).toBeInstanceOf(pg.Pool)
    expect(is(db, upstream.NodePgDatabase)).toBe(true)
    expect(db.$primary).not.toBe(db)
    expect(is(db.$primary, upstream.NodePgDatabase)).toBe(true)
    expect(db.$primary.$client).toBe(db.$client.primary)
    expect(db.$primary).toBe(db.$primary)
    await db.$client.end()
  })

  test('Drizzle knows the session of such a database for one over a pool, by class and by name', () => {
    const seen: unknown = sessionClient(drizzle(URL_HERE, { flyback: { env: REPLICA } }))
    expect(seen).toBeInstanceOf(pg.Pool)
    expect(Object.getPrototypeOf(seen).constructor.name).toContain('Pool')
  })

  test('a Pool of Flyback is taken, whatever the form', () => {
    stubReplicaRegion()
    const pool = new Pool({ connectionString: URL_HERE })
    for (const db of [drizzle(pool), drizzle(pool, {}), drizzle({ client: pool })]) {
      expect(db.$client).toBe(pool)
      expect(db.$primary.$client).toBe(pool.primary)
    }
    const onPrimary = drizzle(pool.primary)
    expect(onPrimary.$primary).toBe(onPrimary)
  })

  test('a client of Flyback is taken; it has no $primary', () => {
    stubReplicaRegion()
    const db = drizzle(new Client(URL_HERE))
    expect(() => db.$primary).toThrow(ConfigurationError)
  })

  test.each([
    ['a pg.Pool', () => drizzle(new pg.Pool({ connectionString: URL_HERE }))],
    ['a pg.Pool as client', () => drizzle({ client: new pg.Pool({ connectionString: URL_HERE }) })],
    ['a pg.Client', () => drizzle(new pg.Client(URL_HERE))],
  ])('%s is refused, and told what to do', (_what, make) => {
    expect(make).not.toThrow()
    stubReplicaRegion()
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/client reaches one endpoint only/)
    expect(make).not.toThrow(/sEcReT/)
  })
})

test('flyback options for a client that has got its own are refused, not lost', () => {
  const pool = new Pool({ connectionString: URL_HERE })
  for (const make of [
    () => drizzle(pool, { flyback: {} }),
    () => drizzle({ client: pool, flyback: {} }),
  ]) {
    expect(make).toThrow(/flyback has no effect on a client/)
  }
})
