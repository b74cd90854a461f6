import { ConfigurationError } from '@flyback/core'
import postgres from '@flyback/postgres'
import { is } from 'drizzle-orm'
import * as upstream from 'drizzle-orm/postgres-js'
import plain from 'postgres'
import { describe, expect, test, vi } from 'vitest'
import * as ours from '../src/postgres-js.js'

const { drizzle } = ours
const URL_HERE = 'postgres://user:sEcReT@127.0.0.1:5432/here'
const REPLICA = {
  FLY_REGION: 'iad',
  PRIMARY_REGION: 'ewr',
  FLYBACK_REPLICA_URL: 'postgres://user:sEcReT@127.0.0.1:5433/here',
}

/** Nothing here connects: postgres.js opens its connections when first asked. */
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
    ['connection', () => drizzle({ connection: URL_HERE, schema })],
    ['connection with a url', () => drizzle({ connection: { url: URL_HERE, max: 2 } })],
    [
      'connection of options',
      () => drizzle({ connection: { host: '127.0.0.1', port: 5432, database: 'here' } }),
    ],
    ['url, flyback', () => drizzle(URL_HERE, { flyback: { env: {} } })],
    [
      'connection with a url, flyback',
      () => drizzle({ connection: { url: URL_HERE }, flyback: { env: {} } }),
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
      'a config alone, from the environment',
      () => {
        vi.stubEnv('DATABASE_URL', URL_HERE)
        return drizzle({ schema })
      },
    ],
  ])('%s', (_form, make) => {
    const db = make()
    expect(db.$client.options).toMatchObject({
      host: ['127.0.0.1'],
      port: [5432],
      database: 'here',
    })
    expect(sessionClient(db)).toBe(db.$client)
    expect(is(db, upstream.PostgresJsDatabase)).toBe(true)
    expect(db).toBeInstanceOf(upstream.PostgresJsDatabase)
    expect(db.$primary).toBe(db)
  })

  test.each([
    ['a sql function of Flyback', () => postgres(URL_HERE)],
    ['one of postgres.js, with no regions known', () => plain(URL_HERE)],
  ])('%s', (_form, make) => {
    const sql = make()
    for (const db of [drizzle(sql), drizzle(sql, { schema }), drizzle({ client: sql, schema })]) {
      expect(db.$client).toBe(sql)
      expect(sessionClient(db)).toBe(sql)
      expect(db.$primary).toBe(db)
    }
  })

  test('options of the driver', () => {
    const db = drizzle({ connection: { url: URL_HERE, max: 3, prepare: false } })
    expect(db.$client.options).toMatchObject({ max: 3, prepare: false })
  })

  test('mock is that of Drizzle', () => {
    expect(drizzle.mock).toBe(upstream.drizzle.mock)
    expect(drizzle.mock().execute('select 1').getQuery().sql).toBe('select 1')
  })

  test('all else that Drizzle exports is there', () => {
    for (const [name, value] of Object.entries(upstream)) {
      if (name !== 'drizzle') expect(Reflect.get(ours, name), name).toBe(value)
    }
  })
})

describe('in a replica region', () => {
  test('the database made from a URL has two endpoints, whose values Drizzle maps alike', () => {
    const db = drizzle(URL_HERE, { flyback: { env: REPLICA } })
    expect(db.$client.options.port).toEqual([5433])
    expect(db.$primary.$client).toBe(db.$client.primary)
    expect(db.$primary).not.toBe(db)
    expect(db.$primary).toBe(db.$primary)
    for (const each of [db, db.$primary]) {
      expect(is(each, upstream.PostgresJsDatabase)).toBe(true)
      expect(each.$client.options.parsers[1184]?.('as it came')).toBe('as it came')
    }
  })

  test('a sql function of Flyback is taken, whatever the form', () => {
    stubReplicaRegion()
    const sql = postgres(URL_HERE)
    for (const db of [drizzle(sql), drizzle(sql, {}), drizzle({ client: sql })]) {
      expect(db.$client).toBe(sql)
      expect(db.$primary.$client).toBe(sql.primary)
    }
  })

  test.each([
    ['one of postgres.js', () => drizzle(plain(URL_HERE))],
    ['one of postgres.js as client', () => drizzle({ client: plain(URL_HERE) })],
  ])('%s is refused, and told what to do', (_what, make) => {
    expect(make).not.toThrow()
    stubReplicaRegion()
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/client reaches one endpoint only/)
    expect(make).not.toThrow(/sEcReT/)
  })

  test('flyback options for a client that has got its own are refused, not lost', () => {
    const sql = postgres(URL_HERE)
    expect(() => drizzle({ client: sql, flyback: {} })).toThrow(ConfigurationError)
  })
})
