import {
  detectDeployment,
  type Position,
  parseToken,
  Scope,
  type ScopeOptions,
  type TokenEntry,
} from '@flyback/core'
import { expect } from 'vitest'
import { type Bench, type Opened, PRIMARY, REPLICA } from '../bench.js'
import type { ContractCase, ContractSection, FaultSection } from '../contract-case.js'

type Work = (open: Opened, name: string) => Promise<unknown>

/** Runs work as a request, and gives the tokens its response would carry. */
async function issuedBy(
  bench: Bench,
  open: Opened,
  work: Work,
  options: Partial<ScopeOptions> = {},
): Promise<readonly TokenEntry[]> {
  const { role, primaryRegion } = detectDeployment(bench.database.env(PRIMARY))
  const scope = new Scope({ role, primaryRegion, canReplay: false, ...options })
  let atItsEnd: readonly TokenEntry[] = []
  await bench.request(scope, async () => {
    await work(open, bench.name())
    // What comes later is not on its response.
    atItsEnd = scope.tokens.issued
  })
  return atItsEnd
}

/** Where the primary is, past everything under test. */
async function flushed(bench: Bench): Promise<bigint> {
  const sql = "select (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::text as lsn"
  const [row] = await bench.database.query<{ lsn: string }>(PRIMARY, sql)
  return BigInt(row?.lsn ?? 0)
}

const captures = (
  title: string,
  work: Work,
  rest: Partial<ContractCase & ScopeOptions> = {},
): ContractCase => {
  const { needs, mayWrite } = rest
  return {
    title: `rule 6: ${title}: its position is in the request's token when the call resolves`,
    ...(needs && { needs }),
    async run(bench) {
      await using open = await bench.open(PRIMARY)
      const before = await flushed(bench)
      const options = mayWrite === undefined ? {} : { mayWrite }
      const [entry] = await issuedBy(bench, open, work, options)
      expect(entry).toMatchObject({ type: 'position', timeline: 1 })
      expect((entry as Position).lsn).toBeGreaterThan(before)
    },
  }
}

const leaves = (title: string, work: Work, rest: Partial<ContractCase> = {}): ContractCase => ({
  title,
  ...rest,
  async run(bench) {
    await using open = await bench.open(PRIMARY)
    expect(await issuedBy(bench, open, work)).toEqual([])
  },
})

/** A token that a write of the primary region gives. */
async function written(bench: Bench): Promise<readonly TokenEntry[]> {
  await using open = await bench.open(PRIMARY)
  return await issuedBy(bench, open, (on, name) => on.items.insert(name))
}

/** Reads in the replica region as a request that comes with a token. */
async function readWith(
  bench: Bench,
  open: Opened,
  token: readonly TokenEntry[],
  canReplay = true,
): Promise<'primary' | 'replica'> {
  const scope = new Scope({ role: 'replica', primaryRegion: PRIMARY, canReplay, token })
  const isStandby = await bench.request(scope, () => bench.standby(open))
  return isStandby ? 'replica' : 'primary'
}

const further = (token: readonly TokenEntry[]): TokenEntry[] =>
  token.map((entry) => (entry.type === 'pin' ? entry : { ...entry, lsn: entry.lsn + 10n ** 12n }))

export const tokens: ContractSection = {
  heading: 'Read your writes',
  cases: [
    captures('a write of a builder or a model', (open, name) => open.items.insert(name)),
    captures('a raw write', (open, name) =>
      open.query('insert into item (name) values ($1)', [name]),
    ),
    captures('a transaction', (open, name) => open.transaction((tx) => tx.items.insert(name))),
    captures(
      'a batch',
      (open, name) =>
        open.batch?.([`insert into item (name) values ('${name}')`, 'select 1']) ??
        Promise.reject(new Error('no batches')),
      { needs: ['batches'] },
    ),
    captures(
      'COPY',
      (open, name) =>
        open.copyIn?.('copy item (name) from stdin', `${name}\n`) ??
        Promise.reject(new Error('no COPY')),
      { needs: ['copy'] },
    ),
    captures(
      'a statement of a held connection',
      (open, name) =>
        open.session?.((session) => session.items.insert(name)) ??
        Promise.reject(new Error('no sessions')),
      { needs: ['sessions'] },
    ),
    captures('a procedure', (open) =>
      open.query('call write_item_by_call()').catch(() => undefined),
    ),
    captures(
      'a function that writes, in a request that may write',
      (open) => open.query('select write_item()'),
      {
        mayWrite: true,
      },
    ),
    captures(
      'a CTE that writes, in a request that may write',
      (open, name) =>
        open.query(
          `with made as (insert into item (name) values ('${name}') returning 1) select * from made`,
        ),
      { mayWrite: true },
    ),
    leaves('reads leave no token', async (open) => {
      await open.items.find('n1')
      await open.query('select 1')
    }),
    leaves('a transaction that was rolled back leaves no token', async (open, name) => {
      const rolledBack = open.transaction(async (tx) => {
        await tx.items.insert(name)
        throw new Error('roll back')
      })
      await expect(rolledBack).rejects.toThrow('roll back')
    }),
    leaves(
      'a transaction that was declared read only leaves no token',
      (open) => open.transaction((tx) => tx.items.find('n1'), { accessMode: 'read only' }),
      { needs: ['read-only transactions'] },
    ),
    {
      title: 'a request that writes from its region over the writer endpoint has the token, too',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        const scope = new Scope({
          role: 'replica',
          primaryRegion: PRIMARY,
          canReplay: false,
          forward: true,
        })
        await bench.request(scope, async () => {
          await open.items.insert(bench.name())
          expect(scope.tokens.issued).toHaveLength(1)
        })
      },
    },
    {
      title: 'rule 15: concurrent requests have each its own token',
      async run(bench) {
        await using open = await bench.open(PRIMARY, { max: 4 })
        const work: Work[] = Array.from({ length: 12 }, (_none, index) =>
          index % 2 === 0
            ? (on, name) => on.items.insert(name)
            : async (on) => {
                await on.items.find('n1')
              },
        )
        const seen = await Promise.all(work.map((one) => issuedBy(bench, open, one)))
        expect(seen.map((entries) => entries.length)).toEqual(
          work.map((_one, index) => 1 - (index % 2)),
        )
      },
    },
    {
      title: 'a caught-up replica serves a read that comes with a token',
      async run(bench) {
        const token = await written(bench)
        await bench.database.caughtUp()
        await using open = await bench.open(REPLICA)
        expect(await readWith(bench, open, token)).toBe('replica')
      },
    },
    {
      title: 'a position that the replica does not have sends the request to the primary region',
      async run(bench) {
        await using open = await bench.open(REPLICA, { flyback: { maxWaitMs: 20 } })
        const token = further(await written(bench))
        const refusal = await bench.refusal(() => readWith(bench, open, token))
        expect(refusal).toMatchObject({ reason: 'stale', replayable: true })
        expect(await readWith(bench, open, token, false), 'where it cannot be replayed').toBe(
          'primary',
        )
        expect(await readWith(bench, open, [])).toBe('replica')
      },
    },
    {
      title: 'a token of another cluster asks for nothing here',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        expect(await readWith(bench, open, parseToken('1.elsewhere.9.zzzzzzzz.tp0000'))).toBe(
          'replica',
        )
      },
    },
  ],
}

export const lagging: FaultSection = {
  heading: 'Read your writes on a replica that lags',
  cases: [
    {
      title:
        'a frozen replica: what was written is read on the primary, and here again once it is there',
      async run(bench, lab) {
        await using open = await bench.open(REPLICA, { flyback: { maxWaitMs: 20 } })
        await lab.freeze(REPLICA)
        const token = await written(bench)
        const refusal = await bench.refusal(() => readWith(bench, open, token))
        expect(refusal).toMatchObject({ reason: 'stale' })
        expect(await readWith(bench, open, token, false)).toBe('primary')
        expect(await readWith(bench, open, []), 'others are not kept').toBe('replica')
        await lab.resume(REPLICA)
        await lab.caughtUp()
        await expect.poll(() => readWith(bench, open, token).catch(() => 'stale')).toBe('replica')
      },
    },
    {
      title: 'rule 13: a read that waits for its replica holds no connection',
      async run(bench, lab) {
        await using open = await bench.open(REPLICA, { max: 1, flyback: { maxWaitMs: 8000 } })
        await lab.freeze(REPLICA)
        const token = await written(bench)
        const waiting = readWith(bench, open, token)
        for (let turn = 0; turn < 5; turn++) expect(await readWith(bench, open, [])).toBe('replica')
        await lab.resume(REPLICA)
        expect(await waiting).toBe('replica')
      },
    },
    {
      title: 'rule 8: a repeatable-read transaction has what its request must see',
      async run(bench, lab) {
        await using writer = await bench.open(PRIMARY)
        await using open = await bench.open(REPLICA, { flyback: { maxWaitMs: 8000 } })
        await lab.slow(REPLICA, 60)
        for (let turn = 0; turn < 5; turn++) {
          const name = bench.name()
          const token = await issuedBy(bench, writer, (on) => on.items.insert(name))
          const scope = new Scope({
            role: 'replica',
            primaryRegion: PRIMARY,
            canReplay: true,
            token,
          })
          const row = await bench.request(scope, () =>
            open.transaction((tx) => tx.items.find(name), { isolationLevel: 'repeatable read' }),
          )
          expect(row).toMatchObject({ name })
        }
        await lab.slow(REPLICA, 0)
      },
    },
  ],
}
