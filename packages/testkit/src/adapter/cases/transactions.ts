import { findReplayRequired } from '@flyback/core'
import { runOnPrimary } from '@flyback/core/scope'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import type { TransactionOptions } from '../adapter-under-test.js'
import type { Bench } from '../bench.js'
import type { ContractCase, ContractSection } from '../contract-case.js'
import { sqlstatesIn } from '../sqlstates-in.js'
import { nestedTransactions } from './nested-transactions.js'

/** BEGIN itself is refused: thrice over one connection, so that a leaked client would hang. */
async function refusedBegin(bench: Bench, options: TransactionOptions): Promise<void> {
  await using open = await bench.open('iad', { max: 1 })
  for (let i = 0; i < 3; i++) {
    const read = () => open.transaction((tx) => tx.query('select 1 as one'), options)
    const refusal = await bench.asRequest(() => bench.refusal(read))
    expect(refusal).toMatchObject({ replayable: true })
    expect(await bench.refusal(read), 'without a scope, too').toMatchObject({ region: 'ewr' })
  }
  expect(await bench.standby(open)).toBe(true)
}

const swallowed: ContractCase[] = (['in a request', 'without a scope'] as const).map((where) => ({
  title: `a refusal swallowed in a transaction surfaces at its end, ${where}`,
  async run(bench) {
    await using open = await bench.open('iad', { max: 1 })
    let inside: unknown
    const work = () =>
      open.transaction(async (tx) => {
        inside = await failure(tx.items.insert('swallowed'))
        return 'committed'
      })
    const refusal = await (where === 'in a request'
      ? bench.asRequest(() => bench.refusal(work))
      : bench.refusal(work))
    expect(findReplayRequired(inside)).toBe(refusal)
    expect(await bench.standby(open)).toBe(true)
  },
}))

/** Statements that only a transaction can run. */
const REFUSED_INSIDE: ContractCase[] = (
  [
    ['LOCK TABLE', 'lock table item in exclusive mode'],
    ['DECLARE CURSOR FOR UPDATE', 'declare c cursor for select id from item for update'],
    ['SET TRANSACTION READ WRITE', 'set transaction read write'],
    ['PREPARE TRANSACTION', "prepare transaction 'mine'"],
  ] as const
).map(([what, sql]) => ({
  title: `${what} in a transaction is refused`,
  async run(bench) {
    await using open = await bench.open('iad', { max: 1 })
    await bench.asRequest(() => bench.refusal(() => open.transaction((tx) => tx.query(sql))))
    expect(await bench.standby(open)).toBe(true)
  },
}))

export const transactions: ContractSection = {
  heading: 'Transactions',
  cases: [
    {
      title: 'that only read run and commit on the replica',
      async run(bench) {
        await using open = await bench.open('iad')
        const scope = bench.scope()
        const standby = await bench.request(scope, () =>
          open.transaction(async (tx) => {
            await tx.items.find('n1')
            return await bench.standby(tx)
          }),
        )
        expect(standby).toBe(true)
        expect(scope.state).toBe('open')
      },
    },
    {
      title: 'with a write after reads throw at the write, and at everything after it',
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const scope = bench.scope()
        const refusal = await bench.request(scope, () =>
          bench.refusal(() =>
            open.transaction(async (tx) => {
              await tx.items.find('n1')
              const first = await bench.refusal(() => tx.items.insert('late'))
              expect(await bench.refusal(() => tx.query('select 1 as one'))).toBe(first)
              throw first
            }),
          ),
        )
        expect(scope.refusal).toBe(refusal)
        expect(await bench.count('late')).toBe(0)
      },
    },
    ...swallowed,
    {
      title: 'that were refused keep their connection',
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const pid = await bench.pid(open)
        for (let i = 0; i < 3; i++) {
          await bench.asRequest(() =>
            bench.refusal(() => open.transaction((tx) => tx.query('select write_item()'))),
          )
          expect(await bench.pid(open)).toBe(pid)
        }
        const idle = await bench.database.query<{ state: string }>(
          'iad',
          'select state from pg_stat_activity where pid = $1',
          [pid],
        )
        expect(idle).toEqual([{ state: 'idle' }])
      },
    },
    ...REFUSED_INSIDE,
    {
      title: 'a transaction that fails for a reason of its own keeps its error',
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const scope = bench.scope()
        const error = await bench.request(scope, () =>
          failure(open.transaction((tx) => tx.query('select 1/0 as x'))),
        )
        expect(sqlstatesIn(error)).toContain('22012')
        expect(scope.refusal).toBeUndefined()
        const mine = new Error('mine')
        const thrown = await failure(
          open.transaction(async (tx) => {
            await tx.query('select 1 as one')
            throw mine
          }),
        )
        expect(thrown).toBe(mine)
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'in the primary region commit what they wrote, and roll back what they must not',
      async run(bench) {
        await using open = await bench.open('ewr')
        const [kept, undone] = [bench.name(), bench.name()]
        await open.transaction((tx) => tx.items.insert(kept))
        await failure(
          open.transaction(async (tx) => {
            await tx.items.insert(undone)
            throw new Error('mine')
          }),
        )
        expect(await bench.count(kept)).toBe(1)
        expect(await bench.count(undone)).toBe(0)
      },
    },
    {
      title: 'in a scope that forwards run on the primary, whole',
      async run(bench) {
        await using open = await bench.open('iad')
        const name = bench.name()
        const scope = bench.scope()
        await bench.request(scope, () =>
          runOnPrimary(() =>
            open.transaction(async (tx) => {
              expect(await bench.standby(tx)).toBe(false)
              await tx.items.insert(name)
            }),
          ),
        )
        expect(scope.state).toBe('forwarding')
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title: 'rule 12: open on the replica read no more once their scope forwards',
      async run(bench) {
        await using open = await bench.open('iad')
        const scope = bench.scope()
        const refusal = await bench.request(scope, () =>
          bench.refusal(() =>
            open.transaction(async (tx) => {
              await tx.query('select 1 as one')
              await runOnPrimary(() => open.query('select 1 as one'), {
                afterReplicaReads: 'forward',
              })
              return await tx.query('select 1 as one')
            }),
          ),
        )
        expect(refusal).toMatchObject({ reason: 'mixed-reads', replayable: false })
      },
    },
    {
      title: 'explicitly read-only run on the replica',
      needs: ['read-only transactions'],
      async run(bench) {
        await using open = await bench.open('iad')
        const scope = bench.scope()
        await bench.request(scope, () =>
          open.transaction(
            async (tx) => {
              expect(await bench.standby(tx)).toBe(true)
              expect(
                await tx.query("select current_setting('transaction_read_only') as ro"),
              ).toEqual([{ ro: 'on' }])
            },
            { accessMode: 'read only' },
          ),
        )
        expect(scope.state).toBe('open')
      },
    },
    {
      title: 'a write in an explicitly read-only one is refused',
      needs: ['read-only transactions'],
      async run(bench) {
        await using open = await bench.open('iad')
        await bench.asRequest(() =>
          bench.refusal(() =>
            open.transaction((tx) => tx.query('select write_item()'), { accessMode: 'read only' }),
          ),
        )
      },
    },
    {
      title: 'REPEATABLE READ reads one snapshot of the replica',
      async run(bench) {
        await using open = await bench.open('iad')
        const snapshots = await open.transaction(
          async (tx) => [
            await tx.query('select pg_current_snapshot()::text as s'),
            await tx.query('select pg_current_snapshot()::text as s'),
          ],
          { isolationLevel: 'repeatable read' },
        )
        expect(snapshots[0]).toEqual(snapshots[1])
      },
    },
    {
      title: 'SERIALIZABLE is refused, and leaks nothing',
      needs: ['serializable transactions'],
      run: (bench) => refusedBegin(bench, { isolationLevel: 'serializable' }),
    },
    {
      title: 'READ WRITE is refused, and leaks nothing',
      needs: ['read-write transactions'],
      run: (bench) => refusedBegin(bench, { accessMode: 'read write' }),
    },
    ...nestedTransactions,
  ],
}
