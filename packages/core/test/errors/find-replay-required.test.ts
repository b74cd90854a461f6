import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  classifyError,
  findReplayRequired,
  isReplayRequired,
  judgeError,
  ReplayRequired,
} from '../../src/index.js'
import { ANYTHING } from '../anything.js'

const refusal = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })

test.each<[string, unknown]>([
  ['itself', refusal],
  ['a cause', new Error('Failed query', { cause: refusal })],
  ['a cause of a cause', new Error('outer', { cause: new Error('inner', { cause: refusal }) })],
  ['one of several errors', new AggregateError([new Error('other'), refusal])],
  [
    'an ORM that keeps the driver error in its meta',
    { meta: { driverAdapterError: { cause: refusal } } },
  ],
  ['a plain object', { cause: refusal }],
])('finds it in %s', (_title, error) => {
  expect(findReplayRequired(error)).toBe(refusal)
})

test.each<[string, unknown]>([
  ['another error', new Error('write')],
  ['undefined', undefined],
  ['a string', 'ReplayRequired'],
  ['a look-alike', { name: 'ReplayRequired', region: 'ewr', reason: 'write', replayable: true }],
])('does not find it in %s', (_title, error) => {
  expect(findReplayRequired(error)).toBeUndefined()
})

test('a chain that bites its own tail ends', () => {
  const a = new Error('a')
  const b = new Error('b', { cause: a })
  a.cause = b
  expect(findReplayRequired(a)).toBeUndefined()
})

test('a value whose properties throw is read as empty', () => {
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error('no')
      },
      has() {
        throw new Error('no')
      },
    },
  )
  expect(findReplayRequired(hostile)).toBeUndefined()
  expect(isReplayRequired(hostile)).toBe(false)
  expect(classifyError(hostile)).toBe('other')
})

test('never throws and never loops, for any value', () => {
  fc.assert(
    fc.property(ANYTHING, (value) => {
      expect(findReplayRequired(value)).toBeUndefined()
      expect(classifyError(value)).toBeTypeOf('string')
      judgeError({
        role: 'replica',
        scope: undefined,
        endpoint: 'replica',
        facts: { inHotStandby: true, defaultReadOnly: false },
        refusedBefore: false,
        retryable: true,
        attempt: 0,
        connectionLost: false,
        whenReplicaDown: 'forward',
        error: value,
      })
    }),
    { numRuns: 500 },
  )
})
