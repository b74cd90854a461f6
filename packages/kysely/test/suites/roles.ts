import { Pool } from '@flyback/pg'
import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import { Kysely, type LogEvent, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  FlybackDialect,
  findReplayRequired,
  withPrimary,
} from '../../src/index.js'
import type { Database } from '../adapter-under-test.js'
import {
  count,
  failure,
  inRequest,
  onStandby,
  openDb,
  openPair,
  openScope,
  SCHEMA,
} from '../support.js'

/** Roles other than `replica`, and what is no configuration. */
export function describeRoles(): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  describe('rule 21: with no regions known, the dialect inside does everything', () => {
    test('its driver, compiler and adapter are those that Kysely gets', async () => {
      const pool = new Pool({ flyback: { env: { DATABASE_URL: database.url('ewr', 'writer') } } })
      const ours = new FlybackDialect({ pool })
      const theirs = new PostgresDialect({ pool })
      expect(ours.createDriver()).toBeInstanceOf(theirs.createDriver().constructor)
      expect(ours.createQueryCompiler()).toBeInstanceOf(theirs.createQueryCompiler().constructor)
      expect(ours.createAdapter()).toBeInstanceOf(theirs.createAdapter().constructor)
      await pool.end()
    })

    test.each(['a pool', 'a pool made later', 'a pair'])('%s', async (form) => {
      // A standby behind the URL, and nothing said of regions.
      const env = { DATABASE_URL: database.url('iad', 'replica') }
      const make = () => new Pool({ flyback: { env } })
      const plain = () =>
        new PostgresDialect({ pool: new pg.Pool({ connectionString: env.DATABASE_URL }) })
      const dialect =
        form === 'a pool'
          ? new FlybackDialect({ pool: make() })
          : form === 'a pair'
            ? new FlybackDialect({ writer: plain(), replica: plain(), flyback: { env } })
            : new FlybackDialect({ pool: async () => make() })
      const log: LogEvent[] = []
      const db = new Kysely<Database>({ dialect, log: (event) => void log.push(event) })
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        expect(await onStandby(db)).toBe(true)
        const error = await failure(db.insertInto('item').values({ name: 'x' }).execute())
        expect(error).toMatchObject({ code: '25006' })
        expect(findReplayRequired(error)).toBeUndefined()
        expect(await onStandby(withPrimary(db))).toBe(true)
        const tx = db.transaction().setIsolationLevel('serializable')
        expect(await failure(tx.execute(onStandby))).toMatchObject({ code: '0A000' })
      })
      expect(scope.state).toBe('open')
      expect(log.filter(({ level }) => level === 'query')).toHaveLength(2)
      await db.destroy()
    })
  })

  describe.each([
    ['a pool of @flyback/pg', openDb],
    ['a pair of dialects', openPair],
  ] as const)('rule 3: in the primary region, over %s', (form, open) => {
    test('everything runs on the primary, and nothing is a replay', async () => {
      await using opened = open(database, 'ewr')
      const scope = openScope(database, 'ewr')
      const name = `written over ${form}`
      await inRequest(scope, async () => {
        expect(await onStandby(opened.db)).toBe(false)
        await opened.db.insertInto('item').values({ name }).execute()
        const again = await failure(opened.db.insertInto('item').values({ name }).execute())
        expect(again).toMatchObject({ code: '23505' })
        const serializable = opened.db.transaction().setIsolationLevel('serializable')
        expect(await serializable.execute((tx) => onStandby(tx))).toBe(false)
      })
      expect(scope.state).toBe('open')
      expect(await count(database, name)).toBe(1)
    })

    test('a write in the own READ ONLY transaction of the caller is the own error of the caller', async () => {
      await using opened = open(database, 'ewr')
      const error = await failure(
        opened.db
          .transaction()
          .setAccessMode('read only')
          .execute((tx) => tx.deleteFrom('item').execute()),
      )
      expect(error).toMatchObject({ code: '25006' })
      expect(findReplayRequired(error)).toBeUndefined()
    })

    test('a 40001 of the primary is a serialization failure: untouched, and run once', async () => {
      await using opened = open(database, 'ewr')
      const raise = sql.raw("do $$ begin raise 'x' using errcode = '40001'; end $$")
      expect(await failure(raise.execute(opened.db))).toMatchObject({ code: '40001' })
    })
  })

  test('rule 9: a pair asks a connection for its role once, before it first serves', async () => {
    await using wire = await tapWire(new URL(database.url('iad', 'replica')))
    await using open = openPair(database, 'iad', {
      max: 1,
      flyback: { env: { FLYBACK_REPLICA_URL: wire.url } },
    })
    for (let i = 0; i < 3; i++) await onStandby(open.db)
    expect(wire.messages).toEqual(['Q', 'Q', 'Q', 'Q'])
  })

  test('a pool that is not one of Flyback is no configuration', async () => {
    const pool = new pg.Pool()
    // The compiler says so, too: a pool of pg has no `primary`.
    const given = { pool } as unknown as { pool: Pool }
    expect(() => new FlybackDialect(given)).toThrow(ConfigurationError)
    const db = new Kysely<Database>({
      dialect: new FlybackDialect({ pool: async () => given.pool }),
    })
    expect(await failure(onStandby(db))).toBeInstanceOf(ConfigurationError)
    const plain = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
    expect(() => withPrimary(plain)).toThrow(ConfigurationError)
    await pool.end()
  })

  test('a pair checks its options', () => {
    const dialect = new PostgresDialect({ pool: new pg.Pool() })
    const flyback = { env: {}, writerDeadlineMs: -1 }
    const make = () => new FlybackDialect({ writer: dialect, replica: dialect, flyback })
    expect(make).toThrow(/writerDeadlineMs/)
  })
}
