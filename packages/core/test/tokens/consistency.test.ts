import { describe, expect, test } from 'vitest'
import { ConfigurationError, type Consistency, readConsistency } from '../../src/index.js'

describe('readConsistency', () => {
  test.each<[Consistency, object]>([
    ['session', { session: true, monotonic: false, strong: false }],
    ['eventual', { session: false, monotonic: false, strong: false }],
    ['strong', { session: true, monotonic: false, strong: true }],
    [{}, { session: true, monotonic: false, strong: false }],
    [{ monotonic: true }, { session: true, monotonic: true, withinMs: undefined }],
    [{ withinMs: 500 }, { session: true, monotonic: false, withinMs: 500 }],
  ])('%j', (given, rules) => {
    expect(readConsistency(given, 'consistency')).toMatchObject(rules)
  })

  test.each([
    'Session',
    '',
    null,
    5,
    [[]],
    { withinMs: 0 },
    { withinMs: -1 },
    { withinMs: Number.NaN },
    { withinMs: '500' },
    { withinMs: 2 ** 31 },
    { monotonic: 1 },
    { within: 5 },
  ])('%j is refused by the name of its option', (given) => {
    const read = () => readConsistency(given as Consistency, 'routes[3].consistency')
    expect(read).toThrow(ConfigurationError)
    expect(read).toThrow(/^routes\[3\]\.consistency/)
  })
})
