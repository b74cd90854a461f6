import { findReplayRequired, isPrimaryUnavailable, type PrimaryUnavailable } from '@flyback/core'
import { runOnPrimary } from '@flyback/core/scope'
import { expect } from 'vitest'
import { relayTcp } from '../../relay-tcp.js'
import { failure } from '../../requests.js'
import type { FaultSection } from '../contract-case.js'
import { sqlstatesIn } from '../sqlstates-in.js'

/** The PrimaryUnavailable somewhere in an error. */
function unavailable(error: unknown, depth = 0): PrimaryUnavailable | undefined {
  if (isPrimaryUnavailable(error)) return error
  return typeof error === 'object' && error !== null && depth < 5
    ? unavailable(Reflect.get(error, 'cause'), depth + 1)
    : undefined
}

export const brokenMembers: FaultSection = {
  heading: 'Members that stop, change roles or fall behind',
  cases: [
    {
      title: 'a real recovery conflict: the caller sees only rows',
      async run(bench) {
        await using open = await bench.open('iad')
        const setting = 'alter system set max_standby_streaming_delay'
        await bench.database.query(
          'ewr',
          'create table big as select g from generate_series(1, 1000) g',
        )
        await bench.database.caughtUp()
        await bench.database.query('iad', `${setting} = '50ms'`)
        await bench.database.query('iad', 'select pg_reload_conf()')
        const reading = open.query(
          'select count(*)::int as conflicting, pg_sleep(1)::text from big',
        )
        await bench.running('iad', 'conflicting')
        await bench.database.query('ewr', 'truncate big')
        expect([0, 1000]).toContain((await reading)[0]?.['conflicting'])
        // A backend tells what it counted with a later statement, or when it was idle for ten seconds.
        await expect
          .poll(
            async () => {
              await open.query('select 1 as one')
              const [conflicts] = await bench.database.query<{ n: number }>(
                'iad',
                `select (confl_lock + confl_snapshot)::int as n from pg_stat_database_conflicts
                 where datname = current_database()`,
              )
              return conflicts?.n
            },
            { timeout: 15_000, interval: 200 },
          )
          .toBeGreaterThan(0)
        await bench.database.query('iad', 'alter system reset max_standby_streaming_delay')
        await bench.database.query('iad', 'select pg_reload_conf()')
      },
    },
    {
      title: 'a replica that is down leaves reads to the primary, and takes them back',
      async run(bench, lab) {
        await using open = await bench.open('iad')
        expect(await bench.standby(open)).toBe(true)
        await lab.stop('iad')
        try {
          const scope = bench.scope()
          expect(await bench.request(scope, () => bench.standby(open))).toBe(false)
          expect(scope.state).toBe('forwarding')
          expect(await open.transaction((tx) => bench.standby(tx))).toBe(false)
        } finally {
          await lab.start('iad')
        }
        await expect.poll(() => bench.standby(open), { timeout: 8000 }).toBe(true)
      },
    },
    {
      title: 'a replica that is down replays the request, or fails, by option',
      async run(bench, lab) {
        await using replaying = await bench.open('iad', { flyback: { whenReplicaDown: 'replay' } })
        await using failing = await bench.open('iad', { flyback: { whenReplicaDown: 'fail' } })
        await lab.stop('iad')
        try {
          const refusal = await bench.asRequest(() =>
            bench.refusal(() => replaying.query('select 1')),
          )
          expect(refusal).toMatchObject({ reason: 'replica-unavailable', region: 'ewr' })
          const error = await failure(failing.query('select 1 as one'))
          expect(findReplayRequired(error)).toBeUndefined()
        } finally {
          await lab.start('iad')
        }
      },
    },
    {
      title: 'a read-only primary keeps reads; writes are PrimaryUnavailable, never a replay',
      async run(bench) {
        await using open = await bench.open('ewr')
        await using remote = await bench.open('iad')
        const [current] = await bench.database.query<{ name: string }>(
          'ewr',
          'select current_database() as name',
        )
        const readOnly = (value: 'on' | 'off') =>
          bench.database.query(
            'ewr',
            `alter database ${current?.name} set default_transaction_read_only = ${value}`,
          )
        await readOnly('on')
        try {
          const here = await failure(open.items.insert('refused'))
          expect(unavailable(here)).toMatchObject({ reason: 'read-only' })
          expect(await open.items.find('n1')).toMatchObject({ name: 'n1' })
          const there = await failure(runOnPrimary(() => remote.items.insert('refused')))
          expect(unavailable(there)).toMatchObject({ reason: 'read-only' })
          expect(findReplayRequired(there)).toBeUndefined()
        } finally {
          await readOnly('off')
        }
        await expect
          .poll(() => open.items.insert(bench.name()).then(() => 'written', String), {
            timeout: 8000,
          })
          .toBe('written')
      },
    },
    {
      title: 'rule 17: a writer endpoint that leads to a standby serves nothing, to a deadline',
      async run(bench) {
        await using endpoint = await relayTcp(new URL(bench.database.url('iad', 'replica')))
        const env = { ...bench.database.env('ewr'), DATABASE_URL: endpoint.url }
        await using open = await bench.open('ewr', { env, flyback: { writerDeadlineMs: 300 } })
        for (const work of [() => open.items.find('n1'), () => open.items.insert('refused')]) {
          expect(unavailable(await failure(work()))).toMatchObject({ reason: 'standby' })
        }
        endpoint.lead(new URL(bench.database.url('ewr', 'replica')))
        expect(await bench.standby(open)).toBe(false)
      },
    },
    {
      title: 'rule 17: or is asked again until it leads to the primary; the caller only waits',
      async run(bench) {
        let connections = 0
        await using endpoint = await relayTcp(new URL(bench.database.url('iad', 'replica')), () => {
          connections++
          return () => {}
        })
        const env = { ...bench.database.env('ewr'), DATABASE_URL: endpoint.url }
        await using open = await bench.open('ewr', { env })
        const waiting = bench.standby(open)
        await expect.poll(() => connections, { interval: 5 }).toBeGreaterThan(0)
        endpoint.lead(new URL(bench.database.url('ewr', 'replica')))
        expect(await waiting).toBe(false)
      },
    },
    {
      title: 'a region cut off still reads its replica, and writes again when it is healed',
      async run(bench, lab) {
        await using open = await bench.open('iad')
        await bench.standby(open)
        lab.cut('iad')
        try {
          expect(await bench.standby(open)).toBe(true)
        } finally {
          lab.heal('iad')
        }
        const name = bench.name()
        await open.primary.items.insert(name)
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title: 'a failover: the promoted member takes writes here, with no restart and no replay',
      async run(bench, lab) {
        await using open = await bench.open('iad', { max: 1 })
        expect(await bench.standby(open)).toBe(true)
        let inside: unknown
        await failure(
          open.transaction(async (tx) => {
            await tx.items.find('n1')
            await lab.promote('iad')
            inside = await failure(tx.items.insert('across'))
            throw inside
          }),
        )
        expect(
          unavailable(inside)?.reason ?? findReplayRequired(inside)?.reason ?? sqlstatesIn(inside),
        ).toMatch(/role-changed|known-write/)
        const name = bench.name()
        await expect
          .poll(
            () => open.query('insert into item (name) values ($1)', [name]).then(() => 1, String),
            {
              timeout: 8000,
            },
          )
          .toBe(1)
        expect(await bench.standby(open)).toBe(false)
        const scope = bench.scope()
        await bench.request(scope, () =>
          open.query('insert into item (name) values ($1)', [bench.name()]),
        )
        expect(scope.state, 'what it wrote is never replayed').toBe('forwarding')
      },
    },
  ],
}
