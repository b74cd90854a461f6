import { Pool } from '@flyback/pg'
import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import { type Driver, Kysely, type LogEvent, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  FlybackDialect,
  findReplayRequired,
  PrimaryUnavailable,
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

  describe('what is no configuration says which member is missing, or is none', () => {
    const dialect = new PostgresDialect({ pool: new pg.Pool() })
    const pool = new Pool({ flyback: { env: {} } })
    const env = { FLYBACK_REGION: 'iad', FLYBACK_PRIMARY_REGION: 'ewr' }
    test.each([
      ['nothing', undefined, /FlybackDialect/],
      ['null', null, /FlybackDialect/],
      ['an empty object', {}, /`pool`/],
      ['no pool', { pool: null }, /pool/],
      ['no handle', { over: undefined, dialect: () => dialect }, /over/],
      ['no dialect over a handle', { over: pool }, /dialect/],
      ['no writer', { writer: undefined, replica: dialect }, /writer/],
      ['no replica', { writer: dialect, flyback: { env } }, /replica/],
      ['a replica that is none', { writer: dialect, replica: {}, flyback: { env } }, /replica/],
      ['options beside a pool', { pool, flyback: {} }, /flyback.*pool/],
      ['options beside a handle', { over: pool, dialect: () => dialect, flyback: {} }, /flyback/],
      ['options that are null', { writer: dialect, replica: dialect, flyback: null }, /flyback/],
    ] as const)('%s', (_title, config, message) => {
      // What the compiler refuses, JavaScript gives all the same.
      const make = () => new FlybackDialect(config as never)
      expect(make).toThrow(ConfigurationError)
      expect(make).toThrow(message)
    })

    test('but with no regions known, a pair needs no replica', () => {
      const config = { writer: dialect, flyback: { env: {} } }
      expect(() => new FlybackDialect(config as never)).not.toThrow()
    })
  })

  test.each(['iad', undefined])(
    'a function that makes a pool makes one for each Kysely, with a promise or without: in region %s',
    async (region) => {
      const env =
        region === undefined
          ? { DATABASE_URL: database.url('ewr', 'writer') }
          : database.env(region)
      let made = 0
      const makePool = () => {
        made++
        return new Pool({ flyback: { env } })
      }
      // The type asks for a promise; Kysely awaits whatever comes.
      const dialect = new FlybackDialect({ pool: makePool as unknown as () => Promise<Pool> })
      const [first, second] = [new Kysely<Database>({ dialect }), new Kysely<Database>({ dialect })]
      await onStandby(first)
      const before = await onStandby(withPrimary(second))
      await first.destroy()
      expect(await onStandby(withPrimary(second))).toBe(before)
      expect(await onStandby(second)).toBe(region !== undefined)
      await second.destroy()
      expect(made).toBe(2)
    },
  )

  /** A dialect over a pool of pg's own, whose connections are `changed`. */
  function changedDialect(
    url: string,
    changed: { frozen?: boolean; release?: () => Promise<never> },
  ): { dialect: PostgresDialect; end: () => Promise<void> } {
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    const clients = new Set<pg.PoolClient>()
    pool.on('acquire', (client) => clients.add(client))
    class Changed extends PostgresDialect {
      override createDriver(): Driver {
        const driver = super.createDriver()
        const acquire = driver.acquireConnection.bind(driver)
        driver.acquireConnection = async (...args) => {
          const inner = await acquire(...args)
          if (!changed.frozen) return inner
          return Object.freeze({
            executeQuery: inner.executeQuery.bind(inner),
            streamQuery: inner.streamQuery.bind(inner),
          })
        }
        if (changed.frozen) driver.releaseConnection = async () => {}
        if (changed.release) driver.releaseConnection = changed.release
        return driver
      }
    }
    const end = async (): Promise<void> => {
      for (const client of clients) client.release(true)
      await pool.end()
    }
    return { dialect: new Changed({ pool }), end }
  }

  test.each(['ewr', 'iad'])(
    'the connections of a dialect of a pair may be frozen: in region %s',
    async (region) => {
      const [writer, replica] = [
        changedDialect(database.url('ewr', 'writer'), { frozen: true }),
        changedDialect(database.url('iad', 'replica'), { frozen: true }),
      ]
      const dialect = new FlybackDialect({
        writer: writer.dialect,
        replica: replica.dialect,
        flyback: { env: database.env(region) },
      })
      const db = new Kysely<Database>({ dialect })
      const read = () => db.transaction().execute((tx) => onStandby(tx))
      expect(await read()).toBe(region === 'iad')
      for (const { end } of [writer, replica]) await end()
    },
  )

  test('rule 22: a dialect that fails to take a connection back is no unhandled rejection', async () => {
    const caught: unknown[] = []
    const note = (error: unknown): void => void caught.push(error)
    process.on('unhandledRejection', note)
    const release = async (): Promise<never> => {
      throw new Error('not taken back')
    }
    // The writer endpoint leads to a standby: its connection is passed over.
    const { dialect: writer, end } = changedDialect(database.url('iad', 'replica'), { release })
    const dialect = new FlybackDialect({
      writer,
      replica: writer,
      flyback: { env: database.env('ewr'), writerDeadlineMs: 0 },
    })
    const db = new Kysely<Database>({ dialect })
    expect(await failure(onStandby(db))).toBeInstanceOf(PrimaryUnavailable)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(caught).toEqual([])
    await end()
  })
}
