import { type Lab, startLab } from '@flyback/lab'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CANNOT, type ContractResults, expectResults, HELD } from '../contract-results.js'
import { sharedLab, type TestDatabase } from '../shared-lab.js'
import { type AdapterUnderTest, CONTRACT_SCHEMA } from './adapter-under-test.js'
import { type Bench, createBench, PRIMARY, REPLICA } from './bench.js'
import { CONTRACT, FAULTS } from './contract.js'
import { inOwnLab, inSharedLab } from './contract-database.js'

/**
 * Runs the contract of all adapters against one of them, on real replication. The last test holds what was seen against
 * `packages/testkit/results/adapters`, which the support matrix of the docs is made of: a tick there is a test that ran.
 */
export function describeAdapter(adapter: AdapterUnderTest): void {
  const results: ContractResults = {}

  describe(`${adapter.name} keeps the contract`, () => {
    describe('on the shared lab', () => {
      let database: TestDatabase
      let bench: Bench
      beforeAll(async () => {
        const lab = sharedLab()
        database = await lab.createDatabase({ schema: CONTRACT_SCHEMA })
        bench = createBench({ adapter, database: inSharedLab(database, () => lab.caughtUp()) })
      })
      afterAll(() => database.drop())
      for (const section of CONTRACT) runSection(section, (row) => row.run(bench))
    })

    describe('in a lab of its own', () => {
      let lab: Lab
      let bench: Bench
      beforeAll(async () => {
        lab = await startLab({ regions: [PRIMARY, REPLICA], distanceScale: 0 })
        const database = inOwnLab(lab, await lab.createDatabase())
        await database.query(PRIMARY, CONTRACT_SCHEMA)
        await lab.caughtUp()
        bench = createBench({ adapter, database })
      })
      afterAll(() => lab.close())
      for (const section of FAULTS) runSection(section, (row) => row.run(bench, lab))
    })

    test('and the support matrix says so', async () => {
      const { name, cannot } = adapter
      await expectResults('adapters', { name, cannot, results })
    })
  })

  function runSection<Row extends Section['cases'][number]>(
    section: { readonly heading: string; readonly cases: readonly Row[] },
    run: (row: Row) => Promise<unknown>,
  ): void {
    const seen: Record<string, string> = {}
    results[section.heading] = seen
    describe(section.heading, () => {
      for (const row of section.cases) {
        const applies = (row.needs ?? []).every((need) => !(need in adapter.cannot))
        const shown = row.title.replace(/^rule \d+: /, '')
        if (!applies) seen[shown] = CANNOT
        else {
          test(row.title, async () => {
            const outcome = await run(row)
            seen[shown] = typeof outcome === 'string' ? outcome : HELD
          })
        }
      }
    })
  }
}

type Section = (typeof CONTRACT | typeof FAULTS)[number]
