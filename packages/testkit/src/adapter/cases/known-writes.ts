import { findReplayRequired } from '@flyback/core'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import { tapWire } from '../../tap-wire.js'
import type { Queryable } from '../adapter-under-test.js'
import type { ContractCase, ContractSection } from '../contract-case.js'

type Write = (on: Queryable, name: string) => Promise<unknown>

const WRITES: readonly (readonly [title: string, write: Write])[] = [
  ['an insert', (on, name) => on.items.insert(name)],
  ['an update', (on, name) => on.items.update(name, 5)],
  ['a delete', (on, name) => on.items.remove(name)],
]

/** Messages after which a client waits for the server: Query, Sync, Flush. */
const WAITS: ReadonlySet<string> = new Set(['Q', 'S', 'H'])

export const knownWrites: ContractSection = {
  heading: 'Writes through the own models or builders of the library',
  cases: [
    ...WRITES.map(
      ([title, write]): ContractCase => ({
        title: `${title} throws ReplayRequired, and keeps its connection`,
        async run(bench) {
          await using open = await bench.open('iad', { max: 1 })
          const pid = await bench.pid(open)
          const scope = bench.scope()
          const refusal = await bench.request(scope, () => bench.refusal(() => write(open, 'n1')))
          expect(refusal).toMatchObject({ region: 'ewr', replayable: true })
          expect(scope.refusal).toBe(refusal)
          expect(await bench.pid(open)).toBe(pid)
        },
      }),
    ),
    {
      title: 'what a refused insert costs',
      async run(bench) {
        const url = new URL(bench.database.url('iad', 'replica'))
        await using wire = await tapWire(url)
        await using open = await bench.open('iad', { max: 1, flyback: { replicaUrl: wire.url } })
        await open.items.find('n1')
        wire.messages.length = 0
        await bench.refusal(() => open.items.insert('cost'))
        const waits = wire.messages.filter((type) => WAITS.has(type)).length
        if (bench.adapter.knownWrites === 'at once') {
          expect(wire.messages).toEqual([])
          return 'nothing'
        }
        expect(waits).toBeGreaterThan(0)
        expect(waits).toBeLessThanOrEqual(2)
        return waits === 1 ? '1 local round trip' : `${waits} local round trips`
      },
    },
    {
      title: 'write and read in the primary region, with no replay',
      async run(bench) {
        await using open = await bench.open('ewr')
        const name = bench.name()
        const scope = bench.scope('ewr')
        await bench.request(scope, async () => {
          await open.items.insert(name)
          expect(await open.items.update(name, 7)).toBe(1)
          expect(await open.items.find(name)).toMatchObject({ name, qty: 7 })
        })
        expect(scope.refusal).toBeUndefined()
        expect(await bench.count(name)).toBe(1)
        expect(await open.items.remove(name)).toBe(1)
        expect(await bench.count(name)).toBe(0)
      },
    },
    {
      title: 'a wrapped error still shows instanceof, the brand and the error of the driver',
      async run(bench) {
        await using open = await bench.open('iad')
        const error = await failure(open.query("insert into item (name) values ('wrapped')"))
        const refusal = findReplayRequired(new Error('outer', { cause: error }))
        expect(refusal).toMatchObject({ name: 'ReplayRequired', reason: 'write', region: 'ewr' })
        expect(Reflect.get(Object(refusal?.cause), 'code')).toBe('25006')
        expect('code' in Object(refusal)).toBe(false)
      },
    },
    {
      title: 'rule 19: with nothing of the statement, its parameters or the credentials in it',
      async run(bench) {
        await using open = await bench.open('iad')
        const sql = 'insert into item (name) values ($1) /* sEcReT-sql */'
        const refusal = await bench.refusal(() => open.query(sql, ['sEcReT-parameter']))
        const shown = `${refusal.message} ${refusal.stack} ${JSON.stringify(refusal)}`
        expect(shown).not.toMatch(/sEcReT|insert into|postgres(?:ql)?:\/\//i)
      },
    },
    {
      title: 'rule 21: with no region variables the error is that of the library',
      async run(bench) {
        // A standby behind DATABASE_URL, and nothing said of regions.
        const env = { DATABASE_URL: bench.database.url('iad', 'replica') }
        await using open = await bench.open('iad', { env })
        const scope = bench.scope()
        const error = await bench.request(scope, () => failure(open.items.insert('x')))
        expect(findReplayRequired(error)).toBeUndefined()
        expect(scope.refusal).toBeUndefined()
        expect(await open.items.find('n1')).toMatchObject({ name: 'n1' })
      },
    },
  ],
}
