import { expect } from 'vitest'
import { failure } from '../../requests.js'
import { able } from '../bench.js'
import type { ContractCase } from '../contract-case.js'

/** Savepoints, and the batches that a library sends as one transaction. */
export const nestedTransactions: readonly ContractCase[] = [
  {
    title: 'a savepoint that only reads is released',
    needs: ['savepoints'],
    async run(bench) {
      await using open = await bench.open('iad')
      const rows = await open.transaction((tx) =>
        able(tx.savepoint, 'savepoints')((nested) => nested.query('select 1 as one')),
      )
      expect(rows).toEqual([{ one: 1 }])
    },
  },
  {
    title: 'a refusal in a savepoint ends the request, however it is swallowed',
    needs: ['savepoints'],
    async run(bench) {
      await using open = await bench.open('iad', { max: 1 })
      const scope = bench.scope()
      const refusal = await bench.request(scope, () =>
        bench.refusal(() =>
          open.transaction(async (tx) => {
            await failure(
              able(tx.savepoint, 'savepoints')((nested) => nested.items.insert('nested')),
            )
            return await tx.query('select 1 as one')
          }),
        ),
      )
      expect(scope.refusal).toBe(refusal)
      expect(await bench.standby(open)).toBe(true)
    },
  },
  {
    title: 'without a scope, a transaction goes on behind a savepoint that was refused',
    needs: ['savepoints'],
    async run(bench) {
      await using open = await bench.open('iad', { max: 1 })
      const rows = await open.transaction(async (tx) => {
        await bench.refusal(() =>
          able(tx.savepoint, 'savepoints')((nested) => nested.query('select write_item()')),
        )
        return await tx.query('select 1 as one')
      })
      expect(rows).toEqual([{ one: 1 }])
    },
  },
  {
    title: 'a batch of reads runs on the replica',
    needs: ['batches'],
    async run(bench) {
      await using open = await bench.open('iad')
      const scope = bench.scope()
      await bench.request(scope, async () => {
        await able(open.batch, 'batches')(['select 1 as one', 'select 2 as two'])
      })
      expect(scope.state).toBe('open')
    },
  },
  {
    title: 'a batch with a write is refused as a whole',
    needs: ['batches'],
    async run(bench) {
      await using open = await bench.open('iad', { max: 1 })
      const scope = bench.scope()
      const refusal = await bench.request(scope, () =>
        bench.refusal(() =>
          able(open.batch, 'batches')(['select 1 as one', 'select write_item()']),
        ),
      )
      expect(scope.refusal).toBe(refusal)
      expect(await bench.standby(open)).toBe(true)
    },
  },
]
