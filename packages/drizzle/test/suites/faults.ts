import { findReplayRequired } from '@flyback/core'
import { relayTcp, sharedLab, type TestDatabase } from '@flyback/testkit'
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, type Fixture, failure, item, rowsOf, SCHEMA } from '../support.js'

/** A backend that dies under Drizzle: an error, no end of the process, and a database that works at its next use. */
export function faults(fixture: Fixture): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeEach(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterEach(() => database.drop())

  const killAll = (region: string): Promise<unknown> =>
    database.query(
      region,
      'replica',
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    )
  const asleep = async (region: string): Promise<void> => {
    await expect
      .poll(() =>
        database.query(
          region,
          'replica',
          `select 1 from pg_stat_activity where datname = current_database() and state = 'active'
             and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
        ),
      )
      .toHaveLength(1)
  }
  const works = async (db: Database): Promise<void> => {
    expect(rowsOf(await db.execute(sql`select 1 as one`))).toEqual([{ one: 1 }])
  }

  describe.each(['iad', 'ewr'])('rule 22: in %s, a backend that dies', (region) => {
    test('in an idle transaction', async () => {
      await using open = fixture.open(database, region, { max: 1 })
      const error = await failure(
        open.db.transaction(async (tx) => {
          await tx.select().from(item)
          await killAll(region)
          await tx.select().from(item)
        }),
      )
      expect(findReplayRequired(error)).toBeUndefined()
      await open.settled()
      await works(open.db)
    })

    test('under a statement of a transaction', async () => {
      await using open = fixture.open(database, region, { max: 1 })
      const running = failure(open.db.transaction((tx) => tx.execute(sql`select pg_sleep(20)`)))
      await asleep(region)
      await killAll(region)
      expect(findReplayRequired(await running)).toBeUndefined()
      await open.settled()
      await works(open.db)
    })

    test('in a nested transaction', async () => {
      await using open = fixture.open(database, region, { max: 1 })
      const error = await failure(
        open.db.transaction((tx) =>
          tx.transaction(async (inner) => {
            await killAll(region)
            await inner.select().from(item)
          }),
        ),
      )
      expect(findReplayRequired(error)).toBeUndefined()
      await open.settled()
      await works(open.db)
    })

    test('between two uses of the pool', async () => {
      await using open = fixture.open(database, region, { max: 1 })
      await works(open.db)
      await killAll(region)
      await expect
        .poll(() => works(open.db).then(() => 'works', String), { timeout: 5000 })
        .toBe('works')
    })

    test('before its BEGIN arrives: the connection is not leaked', async () => {
      let cut: (() => void) | undefined
      await using relay = await relayTcp(
        new URL(database.url(region, region === 'ewr' ? 'writer' : 'replica')),
        () => (chunk) => {
          if (chunk.includes('begin')) cut?.()
        },
      )
      const env = () => ({
        ...database.env(region),
        ...(region === 'ewr' ? { DATABASE_URL: relay.url } : { FLYBACK_REPLICA_URL: relay.url }),
      })
      await using open = fixture.open({ env }, region, {
        max: 1,
        flyback: { whenReplicaDown: 'fail' },
      })
      await works(open.db)
      cut = () => void relay[Symbol.asyncDispose]()
      const error = await failure(open.db.transaction((tx) => tx.select().from(item).then()))
      expect(findReplayRequired(error)).toBeUndefined()
      await open.settled()
    })
  })

  test('a read whose backend dies runs elsewhere', async () => {
    await using open = fixture.open(database, 'iad', { max: 1 })
    const running = open.db.execute(sql`select 'done' as answer, pg_sleep(0.6)::text as slept`)
    const answer = running.then(rowsOf)
    await asleep('iad')
    await killAll('iad')
    expect(await answer).toEqual([{ answer: 'done', slept: '' }])
  })

  test('a connection that cannot be opened is an error of the driver, unwrapped in a transaction', async () => {
    const env = () => ({ ...database.env('iad'), FLYBACK_REPLICA_URL: 'postgres://127.0.0.1:9/x' })
    await using open = fixture.open({ env }, 'iad', { flyback: { whenReplicaDown: 'fail' } })
    const error = await failure(open.db.transaction((tx) => tx.select().from(item).then()))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    const wrapped = await failure(open.db.select().from(item))
    expect(fixture.oldest ? wrapped : wrapped.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a replica that cannot be reached leaves reads to the primary', async () => {
    const env = () => ({ ...database.env('iad'), FLYBACK_REPLICA_URL: 'postgres://127.0.0.1:9/x' })
    await using open = fixture.open({ env }, 'iad')
    const [row] = rowsOf(await open.db.execute(sql`select pg_is_in_recovery() as standby`))
    expect(row).toEqual({ standby: false })
    expect(await open.db.transaction((tx) => tx.select().from(item))).toHaveLength(10)
  })
}
