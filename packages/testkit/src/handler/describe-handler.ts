import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { CANNOT, type ContractResults, HELD } from '../contract-results.js'
import { HANDLER_CONTRACT } from './contract.js'
import type { HandlerCase } from './handler-case.js'
import type { HandlerUnderTest } from './handler-under-test.js'
import { type Host, startHost } from './host.js'

/**
 * Runs the contract of all frameworks against one of them: real processes in three regions, the lab's edges before them, real
 * replication behind.
 *
 * @example
 * describeHandler({ name: 'Express 5', command: [process.execPath, server('express.ts')] })
 */
export function describeHandler(handler: HandlerUnderTest): void {
  const { name, lacks = {} } = handler
  const results: ContractResults = {}
  let host: Host

  describe(`${name} keeps the contract of handlers`, () => {
    beforeAll(async () => {
      host = await startHost(handler)
    })
    afterAll(async () => {
      await host?.[Symbol.asyncDispose]()
    })

    for (const { heading, cases } of HANDLER_CONTRACT) {
      const seen: Record<string, string> = {}
      results[heading] = seen
      describe(heading, () => {
        for (const row of cases) runCase(row, seen)
      })
    }

    test('and what it lacks is part of the contract', () => {
      const known = HANDLER_CONTRACT.flatMap(({ cases }) =>
        cases.flatMap(({ id, needs = [] }) => [id, ...needs]),
      )
      expect(Object.keys(lacks).filter((lack) => !known.includes(lack))).toEqual([])
    })
  })

  function runCase(row: HandlerCase, seen: Record<string, string>): void {
    const shown = row.title.replace(/^rule \d+: /, '')
    const isLacking = [row.id, ...(row.needs ?? [])].some((need) => need in lacks)
    // Cases end in any order; the results have the contract's.
    seen[shown] = isLacking ? CANNOT : 'failed'
    if (isLacking) return
    test.concurrent(row.title, async () => {
      onTestFailed(() => console.error(host.errors()))
      await row.run(host)
      seen[shown] = HELD
    })
  }
}
