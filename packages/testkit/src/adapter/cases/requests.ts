import { findReplayRequired, type Scope } from '@flyback/core'
import { requirePrimary, runOnPrimary } from '@flyback/core/scope'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import { type Bench, type Opened, PRIMARY, REPLICA } from '../bench.js'
import type { ContractCase, ContractSection } from '../contract-case.js'

/** What the middleware does: the request again in the primary region, when it may be replayed. */
async function withReplay(
  bench: Bench,
  apps: Record<typeof PRIMARY | typeof REPLICA, Opened>,
  work: (open: Opened) => Promise<unknown>,
): Promise<{ readonly scope: Scope; readonly replayed: boolean; readonly answer: unknown }> {
  const scope = bench.scope()
  try {
    const answer = await bench.request(scope, () => work(apps.iad))
    if (scope.refusal === undefined) return { scope, replayed: false, answer }
  } catch (error) {
    if (findReplayRequired(error)?.replayable !== true) throw error
  }
  const answer = await bench.asRequest(() => work(apps.ewr), PRIMARY)
  return { scope, replayed: true, answer }
}

type Form = (open: Opened, name: string, bench: Bench) => Promise<unknown>

const INSERT = 'insert into item (name) values ($1)'

/** Ways to write one item in a request; each must have its effect exactly once. */
const FORMS: readonly Form[] = [
  (open, name) => open.items.insert(name),
  (open, name) => open.query(INSERT, [name]),
  (open, name) =>
    open.transaction(async (tx) => {
      await tx.items.find('n1')
      await tx.items.insert(name)
    }),
  (open, name) => open.items.insert(name).then(undefined, () => 'swallowed'),
  (open, name) => runOnPrimary(() => open.items.insert(name)),
  async (open, name) => {
    await Promise.all([open.items.find('n1'), open.items.insert(name)])
  },
]

const bothOrders: ContractCase[] = (['forward first', 'refused first'] as const).map((order) => ({
  title: `rule 1: Promise.all of a forward and a refused write, ${order}: each effect once`,
  async run(bench) {
    await using iad = await bench.open(REPLICA)
    await using ewr = await bench.open(PRIMARY)
    const [a, b] = [bench.name(), bench.name()]
    const { scope } = await withReplay(bench, { iad, ewr }, async (open) => {
      const forward = () => runOnPrimary(() => open.items.insert(a))
      const refused = () => open.items.insert(b)
      const work = order === 'forward first' ? [forward(), refused()] : [refused(), forward()]
      const outcomes = await Promise.allSettled(work)
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    })
    if (order === 'forward first') expect(scope.state).toBe('forwarding')
    expect(await bench.count(a)).toBe(1)
    expect(await bench.count(b)).toBe(1)
  },
}))

export const requests: ContractSection = {
  heading: 'Requests, and the primary by name',
  cases: [
    {
      title: 'the handle for the primary writes there, and its scope stays here',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        const scope = bench.scope()
        await bench.request(scope, async () => {
          expect(await bench.standby(open.primary)).toBe(false)
          await open.primary.items.insert(name)
          expect(await open.items.find(name), 'a read after it sees it').toMatchObject({ name })
        })
        expect(scope.state).toBe('forwarding')
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title: 'the handle for the primary works without a request, too',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        await open.primary.items.insert(name)
        expect(await bench.count(name)).toBe(1)
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'the handle for the primary, after reads of the replica, is refused unsent',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        const refusal = await bench.asRequest(async () => {
          await open.items.find('n1')
          return await bench.refusal(() => open.primary.items.insert(name))
        })
        expect(refusal).toMatchObject({ reason: 'mixed-reads', replayable: true })
        expect(await bench.count(name)).toBe(0)
      },
    },
    {
      title: 'the handle for the primary in the primary region is the same database',
      async run(bench) {
        await using open = await bench.open(PRIMARY)
        const name = bench.name()
        await open.primary.items.insert(name)
        expect(await open.items.find(name)).toMatchObject({ name })
      },
    },
    ...bothOrders,
    {
      title: 'rule 1: after a refusal nothing of the request is sent, reads included',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        await bench.asRequest(async () => {
          const first = await bench.refusal(() => open.items.insert('refused'))
          for (const later of [
            () => open.query('select 1 as one'),
            () => open.items.find('n1'),
            () => open.transaction((tx) => tx.query('select 1 as one')),
            () => open.primary.query('select 1 as one'),
          ]) {
            expect(await bench.refusal(later)).toBe(first)
          }
        })
      },
    },
    {
      title: 'requirePrimary() refuses before anything is sent',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        await bench.asRequest(async () => {
          expect(() => requirePrimary()).toThrow(/requirePrimary/)
          const refusal = await bench.refusal(() => open.items.find('n1'))
          expect(refusal).toMatchObject({ reason: 'required' })
        })
      },
    },
    {
      title: 'runOnPrimary() reads and writes on the primary',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        await runOnPrimary(async () => {
          await open.items.insert(name)
          expect(await open.items.find(name)).toMatchObject({ name })
          expect(await bench.standby(open)).toBe(false)
        })
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title:
        'rule 12: after the first statement on the primary every read of the request goes there',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        await bench.asRequest(async () => {
          await runOnPrimary(() => open.query('select 1 as one'))
          expect(await bench.standby(open)).toBe(false)
          expect(await open.transaction((tx) => bench.standby(tx))).toBe(false)
        })
        expect(await bench.standby(open), 'other requests still read the replica').toBe(true)
      },
    },
    {
      title: 'a request knows whether an answer is still to come: what it sends may yet be refused',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        await bench.standby(open)
        const scope = bench.scope()
        await bench.request(scope, async () => {
          let pending = false
          const reading = open.query('select 1 as one from pg_sleep(0.3)')
          const late = setTimeout(() => {
            pending = scope.pending
          }, 50)
          await reading.finally(() => clearTimeout(late))
          await bench.standby(open)
          expect(pending, 'while it is in flight').toBe(true)
          expect(scope.pending, 'once its call has resolved').toBe(false)
          await bench.refusal(() => open.items.insert('never'))
          expect(scope.pending, 'once its call was refused').toBe(false)
        })
      },
    },
    {
      title: 'a request that could never be replayed reads here and writes on the primary',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        const scope = bench.scope(REPLICA, false)
        await bench.request(scope, async () => {
          expect(await bench.standby(open)).toBe(true)
          await open.items.insert(name)
          expect(await open.items.find(name)).toMatchObject({ name })
          expect(await bench.standby(open)).toBe(false)
        })
        expect(await bench.count(name)).toBe(1)
        expect(scope.state).toBe('forwarding')
      },
    },
    {
      title: 'a request whose response has begun gets an error that says so',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const scope = bench.scope()
        scope.seal()
        const refusal = await bench.request(scope, () =>
          bench.refusal(() => open.items.insert('not replayable')),
        )
        expect(refusal.replayable).toBe(false)
        expect(scope.lostRefusal).toBe(refusal)
      },
    },
    {
      title:
        'a transaction that began on the replica, of a request that could never be replayed, gets an error that says so',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        const refusal = await bench.request(bench.scope(REPLICA, false), () =>
          bench.refusal(() =>
            open.transaction(async (tx) => {
              await bench.standby(tx)
              await tx.items.insert(name)
            }),
          ),
        )
        expect(refusal.replayable).toBe(false)
        expect(await bench.count(name)).toBe(0)
      },
    },
    {
      title: 'a request that forwards from its start writes here, on the primary',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const name = bench.name()
        const scope = bench.scope()
        scope.forwardAll()
        await bench.request(scope, () => open.items.insert(name))
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title:
        'rule 15: 50 concurrent requests over two connections: each effect exactly once, no scope of another',
      async run(bench) {
        await using iad = await bench.open(REPLICA, { max: 2 })
        await using ewr = await bench.open(PRIMARY, { max: 2 })
        const sent = Array.from({ length: 50 }, (_, i) => ({
          name: bench.name(),
          form: i % (FORMS.length + 1),
        }))
        const outcomes = await Promise.all(
          sent.map(async ({ name, form }) => {
            const write = FORMS[form]
            const read = (open: Opened) => open.query('select $1::text as name', [name])
            const work = (open: Opened) => (write ? write(open, name, bench) : read(open))
            return await withReplay(bench, { iad, ewr }, work)
          }),
        )
        for (const [i, { name, form }] of sent.entries()) {
          const write = FORMS[form] !== undefined
          const forwards = form === 4
          expect(outcomes[i]?.replayed, `${name}, form ${form}`).toBe(write && !forwards)
          expect(await bench.count(name)).toBe(write ? 1 : 0)
          if (!write) expect(outcomes[i]?.answer).toEqual([{ name }])
        }
      },
    },
    {
      title: 'rule 16: a hundred refused requests leave every connection to the next one',
      async run(bench) {
        await using open = await bench.open(REPLICA, { max: 2 })
        for (let round = 0; round < 10; round++) {
          await Promise.all(
            Array.from({ length: 10 }, (_, i) =>
              bench.asRequest(() =>
                i % 2 === 0
                  ? failure(open.items.insert('refused'))
                  : failure(open.transaction((tx) => tx.items.insert('refused'))),
              ),
            ),
          )
        }
        expect(await Promise.all([bench.standby(open), bench.standby(open)])).toEqual([true, true])
      },
    },
  ],
}
