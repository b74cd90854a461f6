import { findReplayRequired } from '@flyback/core'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import { able, type Bench, REPLICA } from '../bench.js'
import type { ContractCase, ContractSection } from '../contract-case.js'
import { sqlstatesIn } from '../sqlstates-in.js'

/** Collects what would have ended the process while `work` runs, and a moment longer. */
async function crashes(work: () => Promise<void>): Promise<unknown[]> {
  const caught: unknown[] = []
  const note = (error: unknown): void => {
    caught.push(error)
  }
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  try {
    await work()
    // The next turns of the event loop: timers, immediates, the close of sockets.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  } finally {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
  }
  return caught
}

const survives = (title: string, work: (bench: Bench) => Promise<void>): ContractCase => ({
  title: `rule 22: ${title}`,
  async run(bench) {
    expect(await crashes(() => work(bench))).toEqual([])
  },
})

const sleeping = (marker: string): string => `select pg_sleep(30)::text as ${marker}`

export const lostBackends: ContractSection = {
  heading: 'A backend that dies, a read the replica cancels',
  cases: [
    survives('idle: the next read is answered by the replica', async (bench) => {
      await using open = await bench.open(REPLICA, { max: 1 })
      await open.query('select 1 as one')
      await bench.killSessions(REPLICA)
      expect(await bench.standby(open)).toBe(true)
    }),
    survives('under a read: the read runs on the primary', async (bench) => {
      await using open = await bench.open(REPLICA)
      const scope = bench.scope()
      // It sleeps on the standby only.
      const sql =
        "select case when pg_is_in_recovery() then pg_sleep(30)::text || 'slept' else 'answered' end as lost_read"
      const reading = bench.request(scope, () => open.query(sql))
      await bench.running(REPLICA, 'lost_read')
      await bench.killSessions(REPLICA)
      expect(await reading).toEqual([{ lost_read: 'answered' }])
      expect(scope.state).toBe('forwarding')
      expect(await bench.standby(open)).toBe(true)
    }),
    survives('idle in a transaction: the transaction fails, the next one works', async (bench) => {
      await using open = await bench.open(REPLICA, { max: 1 })
      const error = await failure(
        open.transaction(async (tx) => {
          await tx.query('select 1 as one')
          await bench.killSessions(REPLICA)
          return await tx.query('select 2 as two')
        }),
      )
      expect(findReplayRequired(error)).toBeUndefined()
      expect(await open.transaction((tx) => bench.standby(tx))).toBe(true)
    }),
    survives('under a statement of a transaction: likewise', async (bench) => {
      await using open = await bench.open(REPLICA, { max: 1 })
      const failing = failure(open.transaction((tx) => tx.query(sleeping('lost_in_transaction'))))
      await bench.running(REPLICA, 'lost_in_transaction')
      await bench.killSessions(REPLICA)
      expect(findReplayRequired(await failing)).toBeUndefined()
      expect(await open.transaction((tx) => bench.standby(tx))).toBe(true)
    }),
    survives(
      'in a transaction of the primary: likewise, and nothing is sent twice',
      async (bench) => {
        await using open = await bench.open('ewr', { max: 1 })
        const name = bench.name()
        await failure(
          open.transaction(async (tx) => {
            await tx.items.insert(name)
            await bench.killSessions('ewr')
            return await tx.query('select 1 as one')
          }),
        )
        expect(await bench.count(name)).toBe(0)
        await open.items.insert(name)
        expect(await bench.count(name)).toBe(1)
      },
    ),
    {
      ...survives('under a held connection: it fails, and others serve', async (bench) => {
        await using open = await bench.open(REPLICA)
        await able(
          open.session,
          'sessions',
        )(async (session) => {
          await session.query('select 1 as one')
          await bench.killSessions(REPLICA)
          await failure(session.query('select 1 as one'))
        }).catch(() => {})
        expect(await bench.standby(open)).toBe(true)
      }),
      needs: ['sessions'],
    },
    {
      ...survives('under a stream: it fails after the rows it delivered', async (bench) => {
        await using open = await bench.open(REPLICA, { max: 1 })
        const rows: unknown[] = []
        const sql =
          'select g, case when g = 3 then pg_sleep(30)::text end as lost_stream from generate_series(1, 5) g'
        const streaming = failure(able(open.stream, 'streams')(sql, (row) => rows.push(row)))
        await expect.poll(() => rows.length, { timeout: 5000, interval: 5 }).toBe(2)
        await bench.running(REPLICA, 'lost_stream')
        await bench.killSessions(REPLICA)
        expect(findReplayRequired(await streaming)).toBeUndefined()
        expect(rows).toHaveLength(2)
        expect(await bench.standby(open)).toBe(true)
      }),
      needs: ['streams'],
    },
    {
      title: 'a read the replica cancels (40001) runs again there, then on the primary',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const scope = bench.scope()
        const rows = await bench.request(scope, () =>
          open.query('select conflict_on_standby() as answer'),
        )
        expect(rows).toEqual([{ answer: 'ok' }])
        expect(scope.state).toBe('forwarding')
        expect(await open.query('select conflict_on_standby() as answer')).toEqual([
          { answer: 'ok' },
        ])
      },
    },
    {
      title: 'a 40001 in a transaction is the error of the library, and runs nowhere else',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const scope = bench.scope()
        const error = await bench.request(scope, () =>
          failure(open.transaction((tx) => tx.query('select conflict_on_standby() as answer'))),
        )
        expect(sqlstatesIn(error)).toContain('40001')
        expect(findReplayRequired(error)).toBeUndefined()
        expect(scope.state).toBe('open')
      },
    },
    {
      title: 'a 40001 of the primary is untouched',
      async run(bench) {
        await using open = await bench.open('ewr')
        const sql = "do $$ begin raise 'x' using errcode = '40001'; end $$"
        expect(sqlstatesIn(await failure(open.query(sql)))).toContain('40001')
      },
    },
  ],
}
