import { runInScope } from '@flyback/core/scope'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withPrimary } from '../src/index.js'
import type { Database } from './adapter-under-test.js'
import { failure, onStandby, openDb, openPair, openPostgres, openScope, SCHEMA } from './support.js'

// Kysely 0.28 cannot cancel.
const lab = sharedLab()
let database: TestDatabase
beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

/** How many backends of a member run a statement that contains `text`. */
async function running(region: string, text: string): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    region,
    'replica',
    `select count(*)::int as n from pg_stat_activity where datname = current_database()
     and state = 'active' and pid <> pg_backend_pid() and strpos(query, $1) > 0`,
    [text],
  )
  return row?.n ?? Number.NaN
}

const FORMS = [
  ['a pool of @flyback/pg', openDb],
  ['a pair of dialects', openPair],
  ['@flyback/postgres', openPostgres],
] as const

describe.each(FORMS)('an aborted query over %s', (form, open) => {
  test.each(['cancel query', 'kill session'] as const)(
    'ends on the server that runs it: %s',
    async (inflightQueryAbortStrategy) => {
      // Kysely tells on the console how the query ended in the background.
      const told = vi.spyOn(console, 'error').mockImplementation(() => {})
      await using opened = open(database, 'iad')
      for (const [region, db] of [
        ['iad', opened.db],
        ['ewr', withPrimary(opened.db)],
      ] as const) {
        const marker = `aborted_${region}_${form.length}_${inflightQueryAbortStrategy.length}`
        const abort = new AbortController()
        const sleeping = failure(
          sql`select pg_sleep(60) as ${sql.ref(marker)}`.execute(db, {
            signal: abort.signal,
            inflightQueryAbortStrategy,
          }),
        )
        await expect.poll(() => running(region, marker), { interval: 10 }).toBe(1)
        abort.abort()
        expect(await sleeping).toBe(abort.signal.reason)
        await expect.poll(() => running(region, marker), { timeout: 5000 }).toBe(0)
      }
      expect(await onStandby(opened.db)).toBe(true)
      told.mockRestore()
    },
  )
})

test.each(FORMS)(
  'a query over %s that came to run on the primary is ended there',
  async (form, open) => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using opened = open(database, 'iad')
    for (const inflightQueryAbortStrategy of ['cancel query', 'kill session'] as const) {
      const marker = `moved_${form.length}_${inflightQueryAbortStrategy.length}`
      const abort = new AbortController()
      const sleeping = failure(
        sql`select conflict_on_standby(), pg_sleep(60) as ${sql.ref(marker)}`.execute(opened.db, {
          signal: abort.signal,
          inflightQueryAbortStrategy,
        }),
      )
      await expect.poll(() => running('ewr', marker), { interval: 10 }).toBe(1)
      const mentions = `select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and strpos(query, $1) > 0`
      const sessions = () => database.query('ewr', 'writer', mentions, [marker])
      expect(await sessions()).toHaveLength(1)
      abort.abort()
      await sleeping
      await expect.poll(() => running('ewr', marker), { timeout: 5000 }).toBe(0)
      // Its dialect reads the process id off the driver's query, where a handle of Flyback's does not show it.
      const kills = form !== '@flyback/postgres'
      const killed = kills && inflightQueryAbortStrategy === 'kill session'
      await expect.poll(sessions, { timeout: 5000 }).toHaveLength(killed ? 0 : 1)
    }
    expect(await onStandby(opened.db)).toBe(true)
    told.mockRestore()
  },
)

test('is cancelled in a scope that was refused meanwhile, too', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  await using open = openDb(database, 'iad')
  const scope = openScope(database, 'iad')
  const abort = new AbortController()
  await runInScope(scope, async () => {
    const sleeping = failure(
      sql`select pg_sleep(60) as refused_meanwhile`.execute(open.db, {
        signal: abort.signal,
        inflightQueryAbortStrategy: 'cancel query',
      }),
    )
    await expect.poll(() => running('iad', 'refused_meanwhile'), { interval: 10 }).toBe(1)
    await failure(open.db.deleteFrom('item').execute())
    abort.abort()
    await sleeping
    await expect.poll(() => running('iad', 'refused_meanwhile'), { timeout: 5000 }).toBe(0)
  })
  scope.end()
  told.mockRestore()
})

test('a query aborted while it waits for a connection is never sent', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  await using open = openDb(database, 'iad', { max: 1 })
  const abort = new AbortController()
  const waiting = await open.db.connection().execute(async (held: Kysely<Database>) => {
    await onStandby(held)
    const aborted = failure(
      sql`select nextval('item_id_seq') as aborted_waiting`.execute(open.db, {
        signal: abort.signal,
      }),
    )
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    return await aborted
  })
  expect(waiting).toBe(abort.signal.reason)
  expect(await onStandby(open.db)).toBe(true)
  // Sent, it would have been refused by the replica.
  expect(told.mock.calls.join()).not.toMatch(/primary region/)
  told.mockRestore()
})

describe.each(FORMS)('over %s', (_form, open) => {
  test.each(['ignore query', 'cancel query', 'kill session'] as const)(
    'db.connection() whose first query was aborted while it waited gives its connection back: %s',
    async (inflightQueryAbortStrategy) => {
      const told = vi.spyOn(console, 'error').mockImplementation(() => {})
      await using opened = open(database, 'iad', { max: 1 })
      const abort = new AbortController()
      const waiting = await opened.db.connection().execute(async (held: Kysely<Database>) => {
        await onStandby(held)
        const aborted = failure(
          opened.db
            .connection()
            .execute((other) =>
              other
                .selectFrom('item')
                .select('name')
                .execute({ signal: abort.signal, inflightQueryAbortStrategy }),
            ),
        )
        await new Promise((resolve) => setImmediate(resolve))
        abort.abort()
        return await aborted
      })
      expect(waiting).toBe(abort.signal.reason)
      expect(await onStandby(opened.db)).toBe(true)
      told.mockRestore()
    },
  )

  test('an aborted statement holds up neither those after it nor the ROLLBACK', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using opened = open(database, 'iad', { max: 1 })
    const marker = `held_up_${_form.length}`
    const abort = new AbortController()
    const transaction = opened.db.transaction().execute(async (tx) => {
      await onStandby(tx)
      const sleeping = failure(
        sql`select pg_sleep(60) as ${sql.ref(marker)}`.execute(tx, {
          signal: abort.signal,
          inflightQueryAbortStrategy: 'cancel query',
        }),
      )
      const after = failure(onStandby(tx))
      await expect.poll(() => running('iad', marker), { interval: 10 }).toBe(1)
      abort.abort()
      expect(await sleeping).toBe(abort.signal.reason)
      expect(await after).toMatchObject({ code: '25P02' })
      throw new Error('no')
    })
    expect(await failure(transaction)).toMatchObject({ message: 'no' })
    expect(await onStandby(opened.db)).toBe(true)
    told.mockRestore()
  })
})
