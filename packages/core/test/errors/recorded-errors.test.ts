import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { judgeError } from '../../src/index.js'

interface Recorded {
  readonly sql: string
  readonly belongs: 'primary' | 'here' | 'ok'
  readonly error: Record<string, unknown> | null
}

const folder = new URL('../fixtures/errors/', import.meta.url)

// Recorded by packages/pg/test/recorded-errors.integration.test.ts on a real standby.
describe.each(readdirSync(folder))('%s', (file) => {
  const recorded: Recorded[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  const failing = recorded.filter(({ error }) => error !== null)

  test.each(failing.map(({ sql, belongs, error }) => [belongs, sql, error] as const))(
    '%s: %s',
    (belongs, _sql, error) => {
      const outcome = judgeError({
        role: 'replica',
        scope: undefined,
        endpoint: 'replica',
        facts: { inHotStandby: true, defaultReadOnly: false },
        refusedBefore: false,
        retryable: false,
        attempt: 0,
        connectionLost: false,
        whenReplicaDown: 'forward',
        error,
      })
      expect(outcome).toEqual(
        belongs === 'primary'
          ? { outcome: 'replay', reason: 'write' }
          : { outcome: 'driver-error' },
      )
    },
  )
})
