import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, startLab } from '@flyback/lab'
import { relayTcp, type TestDatabase } from '@flyback/testkit'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { PrimaryUnavailable } from '../src/index.js'
import type { Database } from './adapter-under-test.js'
import {
  failure,
  inRequest,
  onStandby,
  openDb,
  openPair,
  openScope,
  pidOf,
  SCHEMA,
} from './support.js'

let lab: Lab
let database: TestDatabase

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  const { name, url } = await lab.createDatabase()
  const query: TestDatabase['query'] = async (region, endpoint, text, params = []) => {
    const client = new pg.Client({ connectionString: url(region, endpoint) })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text, [...params])).rows
    } finally {
      await client.end()
    }
  }
  database = {
    name,
    url,
    query,
    env: (region) => lab.env(region, { database: name }),
    drop: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  await query('ewr', 'writer', SCHEMA)
  await lab.caughtUp()
})
afterAll(() => lab.close())

const SESSIONS = `from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`

async function killSessions(region: string): Promise<void> {
  await database.query(region, 'replica', `select pg_terminate_backend(pid) ${SESSIONS}`)
  const left = () => database.query(region, 'replica', `select pid ${SESSIONS}`)
  await expect.poll(left, { interval: 10 }).toEqual([])
}

async function running(region: string, text: string): Promise<number> {
  const active = `select count(*)::int as n ${SESSIONS} and state = 'active' and strpos(query, $1) > 0`
  const [row] = await database.query<{ n: number }>(region, 'replica', active, [text])
  return row?.n ?? Number.NaN
}

/** Runs work while the replica is down. */
async function withoutReplica<T>(work: () => Promise<T>): Promise<T> {
  await lab.stop('iad')
  try {
    return await work()
  } finally {
    await lab.start('iad')
  }
}

describe.each([
  ['a pool of @flyback/pg', openDb],
  ['a pair of dialects', openPair],
] as const)('over %s', (form, open) => {
  /** What would have ended the process while `work` ran. */
  async function crashes(work: () => Promise<void>): Promise<unknown[]> {
    const caught: unknown[] = []
    const note = (error: unknown): void => void caught.push(error)
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    try {
      await work()
      await sleep(20)
    } finally {
      process.off('uncaughtException', note)
      process.off('unhandledRejection', note)
    }
    return caught
  }

  test('rule 22: a backend that dies idle, mid query or in a transaction ends no process', async () => {
    const caught = await crashes(async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { db } = opened
      await onStandby(db)
      await killSessions('iad')
      // A client that ended in its pool is replaced at its next use.
      await expect.poll(() => onStandby(db).catch(String)).toBe(true)

      const answer = sql<{ answer: string }>`
        select case when pg_is_in_recovery() then pg_sleep(30)::text || 'x' else 'moved' end as answer`
      const moving = answer.execute(db)
      await expect.poll(() => running('iad', 'moved'), { interval: 10 }).toBe(1)
      await killSessions('iad')
      expect((await moving).rows).toEqual([{ answer: 'moved' }])

      await expect.poll(() => onStandby(db).catch(String)).toBe(true)
      const inTransaction = db.transaction().execute(async (tx) => {
        await onStandby(tx)
        await killSessions('iad')
        await sleep(20)
        await onStandby(tx)
      })
      expect(await failure(inTransaction)).toBeInstanceOf(Error)
      await expect.poll(() => onStandby(db).catch(String)).toBe(true)
    })
    expect(caught).toEqual([])
  })

  test('a replica that is down leaves the work to the primary, transactions and writes in them too', async () => {
    await using opened = open(database, 'iad')
    const { db } = opened
    const name = `while down, over ${form}`
    await withoutReplica(async () => {
      const scope = openScope(database, 'iad')
      expect(await inRequest(scope, () => onStandby(db))).toBe(false)
      expect(scope.state).toBe('forwarding')
      const writes = (tx: Kysely<Database>) => tx.insertInto('item').values({ name }).execute()
      await db.transaction().execute(async (tx) => {
        expect(await onStandby(tx)).toBe(false)
        // No scope remembers; the connection does.
        await writes(tx)
      })
    })
    await expect.poll(() => onStandby(db).catch(String)).toBe(true)
    await db.withPrimary().deleteFrom('item').where('name', '=', name).execute()
  })

  test('and a query that runs there is cancelled there', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using opened = open(database, 'iad')
    await withoutReplica(async () => {
      const abort = new AbortController()
      const sleeping = failure(
        sql`select pg_sleep(60) as on_the_writer`.execute(opened.db, {
          signal: abort.signal,
          inflightQueryAbortStrategy: 'cancel query',
        }),
      )
      await expect.poll(() => running('ewr', 'on_the_writer'), { interval: 10 }).toBe(1)
      abort.abort()
      await sleeping
      await expect.poll(() => running('ewr', 'on_the_writer'), { timeout: 5000 }).toBe(0)
    })
    told.mockRestore()
  })

  test('a replica that is down replays the request, or fails, by option', async () => {
    await using replaying = open(database, 'iad', { flyback: { whenReplicaDown: 'replay' } })
    await using failing = open(database, 'iad', { flyback: { whenReplicaDown: 'fail' } })
    await withoutReplica(async () => {
      const refused = { reason: 'replica-unavailable', region: 'ewr' }
      expect(await failure(onStandby(replaying.db))).toMatchObject(refused)
      expect(await failure(onStandby(failing.db))).toMatchObject({ code: 'ECONNREFUSED' })
    })
  })

  test('rule 17: a writer endpoint that leads to a standby serves nothing, to a deadline, and then again', async () => {
    await using endpoint = await relayTcp(new URL(database.url('iad', 'replica')))
    await using opened = open(database, 'ewr', {
      flyback: {
        env: { ...database.env('ewr'), DATABASE_URL: endpoint.url },
        writerDeadlineMs: 200,
      },
    })
    const { db } = opened
    for (const work of [() => pidOf(db), () => db.deleteFrom('item').execute()]) {
      const error = await failure(work())
      expect(error).toBeInstanceOf(PrimaryUnavailable)
      expect(error).toMatchObject({ reason: 'standby' })
    }
    endpoint.lead(new URL(database.url('ewr', 'replica')))
    // A dialect cannot end a connection: the pool of a pair keeps those to the standby until the relay drops them.
    await killSessions('iad')
    await expect.poll(() => onStandby(db).catch(String)).toBe(false)
  })
})

// Last: the lab has two primaries from here on.
test('rule 1: over a pair, what a promoted replica wrote is not replayed', async () => {
  await using opened = openPair(database, 'iad')
  await lab.promote('iad')
  const scope = openScope(database, 'iad')
  await inRequest(scope, async () => {
    await sql`insert into item (name) values ('promoted')`.execute(opened.db)
    expect(scope.state).toBe('forwarding')
  })
})
