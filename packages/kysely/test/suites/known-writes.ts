import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import { type CompiledQuery, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findReplayRequired, ReplayRequired, runOnPrimary } from '../../src/index.js'
import { READS, WRITES } from '../builders.js'
import { count, failure, inRequest, onStandby, openDb, openScope, SCHEMA } from '../support.js'

/** What a builder is known to do, on the wire. */
export function describeKnownWrites(): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  describe('rule 9: a write known before it is sent throws at once, with no connection', () => {
    test.each(WRITES)('%s', async (_title, build) => {
      await using open = openDb(database, 'iad')
      const scope = openScope(database, 'iad')
      const error = await inRequest(scope, () => failure(open.db.executeQuery(build(open.db))))
      expect(error).toBeInstanceOf(ReplayRequired)
      expect(error).toMatchObject({ region: 'ewr', reason: 'known-write', replayable: true })
      expect(scope.refusal).toBe(error)
      expect(open.opened()).toBe(0)
    })

    test('and with no message on a connection that is open', async () => {
      await using wire = await tapWire(new URL(database.url('iad', 'replica')))
      await using open = openDb(database, 'iad', { max: 1, flyback: { replicaUrl: wire.url } })
      expect(await onStandby(open.db)).toBe(true)
      wire.messages.length = 0
      for (const [, build] of WRITES) {
        expect(await failure(open.db.executeQuery(build(open.db)))).toBeInstanceOf(ReplayRequired)
      }
      expect(wire.messages).toEqual([])
    })

    test('a read is the one statement that it always was', async () => {
      await using wire = await tapWire(new URL(database.url('iad', 'replica')))
      await using open = openDb(database, 'iad', { max: 1, flyback: { replicaUrl: wire.url } })
      await onStandby(open.db)
      wire.messages.length = 0
      await open.db.selectFrom('item').selectAll().execute()
      expect(wire.messages).toEqual(['Q'])
    })
  })

  describe('in a scope that forwards, and in the primary region, it runs', () => {
    // What changes data; the server itself refuses a CTE that does so and is not at the top.
    const statements = WRITES.slice(0, 14).filter(([title]) => !title.endsWith('CTE of a CTE'))
    test.each(statements)('%s', async (_title, build) => {
      for (const region of ['ewr', 'iad']) {
        await using open = openDb(database, region)
        const write = async () => {
          const error = await open.db
            .transaction()
            .execute(async (tx) => {
              await tx.executeQuery(build(tx))
              throw new Error('undo')
            })
            .catch((thrown: unknown) => thrown)
          expect(error).toMatchObject({ message: 'undo' })
        }
        await (region === 'iad' ? runOnPrimary(write) : write())
      }
    })
  })

  describe('what a builder reads runs on the replica', () => {
    test.each(READS)('%s', async (_title, build) => {
      await using open = openDb(database, 'iad')
      const scope = openScope(database, 'iad')
      const { rows } = await inRequest(scope, () => open.db.executeQuery(build(open.db)))
      expect(rows.length).toBeGreaterThan(0)
      expect(scope.state).toBe('open')
    })
  })

  test('raw SQL that writes is refused by the replica, with the error of the driver as cause', async () => {
    await using open = openDb(database, 'iad', { max: 1 })
    const error = await failure(sql`insert into item (name) values (${'raw'})`.execute(open.db))
    expect(error).toMatchObject({ reason: 'write', cause: { code: '25006' } })
    expect(await onStandby(open.db)).toBe(true)
  })

  test('an advisory lock in raw SQL is refused before it is sent, or sent by option', async () => {
    await using open = openDb(database, 'iad')
    const lock = sql`select pg_try_advisory_lock(1)`
    expect(await failure(lock.execute(open.db))).toMatchObject({ reason: 'known-write' })
    expect(open.opened()).toBe(0)
    await using allowing = openDb(database, 'iad', { flyback: { advisoryLocks: 'allow' } })
    expect((await lock.execute(allowing.db)).rows).toEqual([{ pg_try_advisory_lock: true }])
  })

  test('EXPLAIN of a write runs on the replica; with ANALYZE the replica refuses it', async () => {
    await using open = openDb(database, 'iad')
    const insert = open.db.insertInto('item').values({ name: 'explained' })
    expect((await insert.explain()).length).toBeGreaterThan(0)
    const error = await failure(insert.explain('json', sql`analyze`))
    expect(error).toMatchObject({ reason: 'write' })
    expect(await count(database, 'explained')).toBe(0)
  })

  test('a query compiled beforehand is known, too', async () => {
    await using open = openDb(database, 'iad')
    const compiled: CompiledQuery = open.db.insertInto('item').values({ name: 'x' }).compile()
    expect(await failure(open.db.executeQuery(compiled))).toMatchObject({ reason: 'known-write' })
  })

  test('rule 1: a refused scope sends nothing more, reads neither', async () => {
    await using wire = await tapWire(new URL(database.url('iad', 'replica')))
    await using open = openDb(database, 'iad', { max: 1, flyback: { replicaUrl: wire.url } })
    await onStandby(open.db)
    wire.messages.length = 0
    await inRequest(openScope(database, 'iad'), async () => {
      const error = await failure(open.db.deleteFrom('item').execute())
      const again = await failure(open.db.selectFrom('item').selectAll().execute())
      expect(findReplayRequired(again)).toBe(error)
    })
    expect(wire.messages).toEqual([])
  })
}
