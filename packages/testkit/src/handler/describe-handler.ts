import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { CANNOT, type ContractResults, expectResults, HELD } from '../contract-results.js'
import { HANDLER_CONTRACT } from './contract.js'
import type { HandlerCase } from './handler-case.js'
import type { HandlerUnderTest } from './handler-under-test.js'
import { type Host, startHost } from './host.js'

/**
 * Runs the contract of all frameworks against one of them: real processes in three regions, the lab's edges before them, real
 * replication behind. The last test holds what was seen against `packages/testkit/results/handlers`, which
 * `docs/handler-matrix.md` is made of.
 *
 * @example
 * describeHandler({ name: 'Express 5', command: [process.execPath, server('express.ts')] })
 */
export function describeHandler(handler: HandlerUnderTest): void {
  const { name, lacks = {} } = handler
  const results: ContractResults = {}
  const cannot: Record<string, string> = {}
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
      const possible = cases.filter((row) => isPossible(row, seen))
      if (possible.length === 0) continue
      describe(heading, () => {
        for (const row of possible) runCase(row, seen)
      })
    }

    test('and what it lacks is part of the contract', () => {
      const known = HANDLER_CONTRACT.flatMap(({ cases }) =>
        cases.flatMap(({ id, needs = [] }) => [id, ...needs]),
      )
      expect(Object.keys(lacks).filter((lack) => !known.includes(lack))).toEqual([])
    })

    test('and the docs say so', async () => {
      expect(Object.values(results).flatMap(Object.values)).not.toContain(FAILED)
      await expectResults('handlers', { name, cannot, results })
    })
  })

  function isPossible(row: HandlerCase, seen: Record<string, string>): boolean {
    const lack = [row.id, ...(row.needs ?? [])].find((need) => need in lacks)
    // Cases end in any order; the results have the contract's.
    seen[shown(row)] = lack === undefined ? FAILED : CANNOT
    if (lack !== undefined) cannot[shown(row)] = lacks[lack] ?? ''
    return lack === undefined
  }

  function runCase(row: HandlerCase, seen: Record<string, string>): void {
    test.concurrent(row.title, async () => {
      onTestFailed(() => console.error(host.errors()))
      await row.run(host)
      seen[shown(row)] = HELD
    })
  }
}

const FAILED = 'failed'

function shown({ title }: HandlerCase): string {
  return title.replace(/^rule \d+: /, '')
}
