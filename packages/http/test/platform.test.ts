import { ConfigurationError } from '@flyback/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fly, type ReplayCause } from '../src/index.js'
import { formatReplayState, parseReplayState } from '../src/platform/replay-state.js'

const CAUSES: readonly ReplayCause[] = [
  'write',
  'ambiguous',
  'known-write',
  'required',
  'mixed-reads',
  'replica-unavailable',
  'method',
  'route',
]

const origin = (
  headers: Record<string, string>,
): ReturnType<ReturnType<typeof fly>['readOrigin']> => fly().readOrigin((name) => headers[name])

describe('the state of a replay', () => {
  test.each(CAUSES)('%s travels and comes back', (reason) => {
    const state = formatReplayState(reason)
    expect(state).toMatch(/^[A-Za-z0-9_.:-]+$/)
    expect(parseReplayState(state)).toEqual({ reason })
  })

  test('another version counts as ours, its words as unknown', () => {
    expect(parseReplayState('flyback.2.write')).toEqual({ reason: 'write' })
    expect(parseReplayState('flyback.9.something-new')).toEqual({ reason: undefined })
    expect(parseReplayState('flyback.1.constructor')).toEqual({ reason: undefined })
  })

  test.each([
    '',
    'flyback',
    'flyback.1',
    'flyback.1.',
    'flyback.x.write',
    'flyback.1.write\n',
    ' flyback.1.write',
    'flyback.1.WRITE',
    'my-flyback.1.write',
    `flyback.1.${'a'.repeat(33)}`,
  ])('%j is not ours', (value) => {
    expect(parseReplayState(value)).toBeUndefined()
  })

  test('any text is read without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(parseReplayState(`${value}!`)).toBeUndefined()
      }),
    )
  })
})

describe('fly', () => {
  test('asks for a replay with the fields it was given', () => {
    const order = { region: 'ewr', reason: 'write' } as const
    expect(fly().encode(order)).toEqual([
      ['fly-replay', 'region=ewr;state=flyback.1.write;fallback=prefer_self'],
    ])
    expect(fly({ timeoutMs: 800, fallback: 'none' }).encode(order)).toEqual([
      ['fly-replay', 'region=ewr;state=flyback.1.write;timeout=800ms'],
    ])
    expect(fly({ fallback: 'force_self' }).encode(order)[0]?.[1]).toContain('fallback=force_self')
  })

  test('assumes the smaller of the two limits Fly documents', () => {
    expect(fly().limits.maxBodyBytes).toBe(1_000_000)
    expect(fly({ maxBodyBytes: 10_000_000 }).limits.maxBodyBytes).toBe(10_000_000)
  })

  test.each([
    { maxBodyBytes: -1 },
    { maxBodyBytes: 1.5 },
    { maxBodyBytes: Number.POSITIVE_INFINITY },
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { fallback: 'maybe' as 'none' }, // a value TypeScript would refuse
  ])('refuses %j, naming the option', (options) => {
    expect(() => fly(options)).toThrow(ConfigurationError)
    expect(() => fly(options)).toThrow(Object.keys(options)[0])
  })

  test.each([
    ['state=flyback.1.write', true],
    ['instance=1;region=nrt;t=1;state=flyback.1.write', true],
    ['instance=1; state=flyback.1.write ;t=1', true],
    // A client's own header, joined with the proxy's.
    ['spoofed, instance=1;state=flyback.1.write', true],
    ['state=flyback.1.write, instance=1;state=tenant', true],
    ['state=tenant-7', false],
    ['instance=flyback.1.write', false],
    ['xstate=flyback.1.write', false],
    ['', false],
  ])('fly-replay-src %j is our own replay: %s', (source, replayed) => {
    expect(origin({ 'fly-replay-src': source })).toEqual({ replayed, cached: false, failed: false })
  })

  test('reads the replay cache and a failed replay', () => {
    expect(origin({ 'fly-replay-cache-status': 'hit' }).cached).toBe(true)
    expect(origin({ 'fly-replay-cache-status': 'miss' }).cached).toBe(false)
    expect(origin({ 'fly-replay-cache-status': 'bypass' }).cached).toBe(false)
    expect(origin({ 'fly-replay-failed': '' }).failed).toBe(true)
    expect(origin({})).toEqual({ replayed: false, cached: false, failed: false })
  })

  test('rule 20: any header value is read as yes or no, without an error', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, text, (source, status, failed) => {
        const read = origin({
          'fly-replay-src': source,
          'fly-replay-cache-status': status,
          'fly-replay-failed': failed,
        })
        expect(Object.values(read).every((value) => typeof value === 'boolean')).toBe(true)
      }),
    )
  })
})
