import { findReplayRequired } from '@flyback/core'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { eq, sql, TransactionRollbackError } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Database,
  type Fixture,
  failure,
  inRequest,
  item,
  openScope,
  rowsOf,
  SCHEMA,
} from '../support.js'

const STANDBY = sql<boolean>`pg_is_in_recovery()`

/** Transactions in every region, with and without a scope. */
export function transactions(fixture: Fixture): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  const standby = async (db: Pick<Database, 'select'>): Promise<boolean | undefined> =>
    (await db.select({ standby: STANDBY }).from(item).limit(1))[0]?.standby
  const insert = async (db: Pick<Database, 'insert'>): Promise<unknown> =>
    await db.insert(item).values({ name: 'x' })

  describe('of reads run on the replica', () => {
    test.each([
      ['by default', undefined],
      ['read only', { accessMode: 'read only' }],
      ['repeatable read', { isolationLevel: 'repeatable read' }],
      [
        'repeatable read, read only, deferrable',
        { isolationLevel: 'repeatable read', accessMode: 'read only', deferrable: true },
      ],
    ] as const)('%s', async (_title, config) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const scope = openScope(database, 'iad')
      const work = (): Promise<boolean | undefined> =>
        open.db.transaction((tx) => standby(tx), config && { ...config })
      expect(await inRequest(scope, work)).toBe(true)
      expect(await work()).toBe(true)
      expect(scope.state).toBe('open')
    })

    test('nested, and with their relational queries', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const found = await open.db.transaction((tx) =>
        tx.transaction((inner) =>
          inner.query.item.findFirst({ extras: { standby: STANDBY.as('standby') } }),
        ),
      )
      expect(found).toMatchObject({ name: 'n1', standby: true })
    })
  })

  describe.each([
    ['in a request', true],
    ['without a scope', false],
  ])('%s, a write in a transaction on the replica', (_title, scoped) => {
    const run = <T>(work: () => Promise<T>): Promise<T> =>
      scoped ? inRequest(openScope(database, 'iad'), work) : work()

    test('is refused, and the work after it never runs', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      let after = false
      const error = await run(() =>
        failure(
          open.db.transaction(async (tx) => {
            await standby(tx)
            await insert(tx)
            after = true
          }),
        ),
      )
      expect(findReplayRequired(error)).toMatchObject({ reason: 'write', replayable: true })
      expect(after).toBe(false)
      await open.settled()
      expect(await standby(open.db)).toBe(true)
      expect(open.opened() ?? 1).toBe(1)
    })

    test('and swallowed: the next read reports the refusal', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await run(() =>
        failure(
          open.db.transaction(async (tx) => {
            await failure(insert(tx))
            await standby(tx)
          }),
        ),
      )
      expect(findReplayRequired(error)).toMatchObject({ reason: 'write' })
      await open.settled()
      expect(open.opened() ?? 1).toBe(1)
    })

    test('and swallowed: the commit reports the refusal', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await run(() =>
        failure(
          open.db.transaction(async (tx) => {
            await failure(insert(tx))
            return 'as if written'
          }),
        ),
      )
      expect(findReplayRequired(error)).toMatchObject({ reason: 'write' })
      await open.settled()
      expect(await standby(open.db)).toBe(true)
      expect(open.opened() ?? 1).toBe(1)
    })

    test('and nested: the refusal comes out of both', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await run(() =>
        failure(open.db.transaction((tx) => tx.transaction((inner) => insert(inner)))),
      )
      expect(findReplayRequired(error)).toMatchObject({ reason: 'write' })
      await open.settled()
      expect(open.opened() ?? 1).toBe(1)
    })

    test('and an error of the caller instead: the refusal is found where there is one to replay', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const mine = new Error('mine')
      const error = await run(() =>
        failure(
          open.db.transaction(async (tx) => {
            await failure(insert(tx))
            throw mine
          }),
        ),
      )
      if (scoped) expect(findReplayRequired(error)).toMatchObject({ reason: 'write' })
      else expect(error).toBe(mine)
      await open.settled()
      expect(open.opened() ?? 1).toBe(1)
    })
  })

  describe('a refusal swallowed inside a savepoint', () => {
    const work = (db: Database): Promise<boolean | undefined> =>
      db.transaction(async (tx) => {
        await failure(tx.transaction((inner) => insert(inner)))
        return await standby(tx)
      })

    test('ends the request: it sends nothing more', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await inRequest(openScope(database, 'iad'), () => failure(work(open.db)))
      expect(findReplayRequired(error)).toMatchObject({ reason: 'write', replayable: true })
    })

    test('without a scope is undone by the savepoint, as on any server: the rest commits', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      expect(await work(open.db)).toBe(true)
    })
  })

  describe('what the caller throws comes out as it is', () => {
    test.each(['iad', 'ewr'])('an error, in %s', async (region) => {
      await using open = fixture.open(database, region, { max: 1 })
      const mine = new Error('mine')
      const error = await failure(
        open.db.transaction(async (tx) => {
          await standby(tx)
          throw mine
        }),
      )
      expect(error).toBe(mine)
    })

    test.each(['iad', 'ewr'])('tx.rollback(), in %s', async (region) => {
      await using open = fixture.open(database, region, { max: 1 })
      const error = await failure(open.db.transaction((tx) => Promise.resolve(tx.rollback())))
      expect(error).toBeInstanceOf(TransactionRollbackError)
    })
  })

  describe('a BEGIN that fails', () => {
    const CONFIGS = [
      ['serializable', { isolationLevel: 'serializable' }],
      ['read write', { accessMode: 'read write' }],
    ] as const
    test.each(CONFIGS)('%s, leaks no connection, without a scope', async (_title, config) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      for (let turn = 0; turn < 3; turn++) {
        const error = await failure(open.db.transaction((tx) => standby(tx), { ...config }))
        expect(findReplayRequired(error)).toMatchObject({ region: 'ewr' })
        await open.settled()
      }
      expect(await standby(open.db)).toBe(true)
      expect(open.opened() ?? 1).toBe(1)
    })

    test.each(CONFIGS)('%s, leaks no connection, in requests', async (_title, config) => {
      await using open = fixture.open(database, 'iad', { max: 2 })
      const requests = Array.from({ length: 8 }, async () => {
        const scope = openScope(database, 'iad')
        const error = await inRequest(scope, () =>
          failure(open.db.transaction((tx) => standby(tx), { ...config })),
        )
        expect(findReplayRequired(error)).toMatchObject({ replayable: true })
      })
      await Promise.all(requests)
      await open.settled()
      expect(await standby(open.db)).toBe(true)
    })

    test.each(CONFIGS)('%s, is none on the primary', async (_title, config) => {
      await using open = fixture.open(database, 'ewr', { max: 1 })
      expect(await open.db.transaction((tx) => standby(tx), { ...config })).toBe(false)
      await using far = fixture.open(database, 'iad', { max: 1 })
      expect(await far.db.$primary.transaction((tx) => standby(tx), { ...config })).toBe(false)
    })

    test('in a request that was refused before sends nothing and leaks nothing', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        await failure(insert(open.db))
        const error = await failure(open.db.transaction((tx) => standby(tx)))
        expect(findReplayRequired(error)).toBe(scope.refusal)
      })
      await open.settled()
    })

    test('in the statement itself: an isolation level that is none', async () => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      for (let turn = 0; turn < 2; turn++) {
        const error = await failure(
          open.db.transaction((tx) => standby(tx), {
            // @ts-expect-error -- a user of JavaScript
            isolationLevel: 'nonsense',
          }),
        )
        expect(findReplayRequired(error)).toBeUndefined()
        await open.settled()
      }
      expect(await standby(open.db)).toBe(true)
    })
  })

  test('on the primary commit, nested too, and read their own writes', async () => {
    await using written = await lab.createDatabase({ schema: SCHEMA })
    for (const [region, name] of [
      ['ewr', 'near'],
      ['iad', 'far'],
    ] as const) {
      await using open = fixture.open(written, region, { max: 1 })
      const db = region === 'ewr' ? open.db : open.db.$primary
      const kept = await db.transaction(async (tx) => {
        await tx.insert(item).values({ name: `${name} 1` })
        await tx.transaction((inner) =>
          inner
            .insert(item)
            .values({ name: `${name} 2` })
            .then(),
        )
        await failure(
          tx.transaction(async (inner) => {
            await inner.insert(item).values({ name: `${name} 3` })
            inner.rollback()
          }),
        )
        return await tx
          .select({ name: item.name })
          .from(item)
          .where(sql`name like ${`${name}%`}`)
      })
      expect(kept).toEqual([{ name: `${name} 1` }, { name: `${name} 2` }])
    }
    const counted = await written.query('ewr', 'writer', 'select count(*)::int as n from item')
    expect(counted).toEqual([{ n: 14 }])
  })

  test('a statement outside the transaction takes another connection, and its own way', async () => {
    await using open = fixture.open(database, 'iad', { max: 2 })
    const pids = await open.db.transaction(async (tx) => {
      const pid = sql`select pg_backend_pid() as pid`
      const [inside] = rowsOf(await tx.execute(pid))
      const [again] = rowsOf(await tx.execute(pid))
      const [outside] = rowsOf(await open.db.execute(pid))
      expect(again).toEqual(inside)
      return [inside?.['pid'], outside?.['pid']]
    })
    expect(new Set(pids).size).toBe(2)
    expect(await open.db.select().from(item).where(eq(item.name, 'n1'))).toHaveLength(1)
  })
}
