import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { judgeError } from '../../src/index.js'

interface Recorded {
  readonly sql?: string
  /** What an ORM was asked for, instead of a statement. */
  readonly operation?: string
  /** `ambiguous`: Prisma drops the routine, so the code alone (0A000, 55000, XX000) is known. */
  readonly belongs: 'primary' | 'here' | 'ok' | 'ambiguous'
  readonly error: Record<string, unknown> | null
}

const folder = new URL('../fixtures/errors/', import.meta.url)

const EXPECTED = {
  primary: { outcome: 'replay', reason: 'write' },
  ambiguous: { outcome: 'replay', reason: 'ambiguous' },
  here: { outcome: 'driver-error' },
  ok: undefined,
} as const

// Recorded by recorded-errors.integration.test.ts of the adapters, on a real standby.
describe.each(readdirSync(folder))('%s', (file) => {
  const recorded: Recorded[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  const failing = recorded.filter(({ error }) => error !== null)

  test.each(
    failing.map(
      ({ sql, operation, belongs, error }) => [belongs, sql ?? operation, error] as const,
    ),
  )('%s: %s', (belongs, _what, error) => {
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
    expect(outcome).toEqual(EXPECTED[belongs])
  })
})
