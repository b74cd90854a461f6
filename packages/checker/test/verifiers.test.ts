import { describe, expect, test } from 'vitest'
import type { Entry, Fault, Request } from '../src/history/history.ts'
import { verifyEffectiveToken } from '../src/verifiers/effective-token.ts'
import { verifyMonotonic } from '../src/verifiers/monotonic.ts'
import { verifyReplays } from '../src/verifiers/replays.ts'
import { verifySnapshot } from '../src/verifiers/snapshot.ts'
import { verifyStrong, verifyWithin } from '../src/verifiers/strong.ts'
import { verifyWrites } from '../src/verifiers/writes.ts'
import { history, request, saw, wrote } from './made-history.ts'

const failover: Fault = { what: 'failover', beginMs: 2, endMs: 3, demoted: 'ewr', promoted: 'iad' }
const position = (timeline: number, lsn: bigint): Entry => ({ type: 'position', timeline, lsn })
const after = (id: number, ...tokenAfter: Entry[]): Request =>
  request(id, id * 5, [], { tokenAfter })

describe('monotonic reads', () => {
  const level = { level: 'monotonic' } as const
  const first = request(0, 0, [wrote('a')], { client: 'c1' })

  test('never go back to a state before one that a completed answer was built from', () => {
    const seen = request(1, 5, [saw('a')], level)
    expect(verifyMonotonic(history([first, seen, request(2, 9, [saw('a')], level)]))).toEqual([])
    const found = verifyMonotonic(history([first, seen, request(2, 9, [saw()], level)]))
    expect(found).toMatchObject([{ promise: 'monotonic-reads', requests: [1, 2] }])
  })

  test('are not promised at another level, nor before the answer arrived', () => {
    const seen = request(1, 5, [saw('a')], level)
    expect(verifyMonotonic(history([first, seen, request(2, 9, [saw()])]))).toEqual([])
    const held = request(1, 5, [saw('a')], { ...level, receivedMs: 20 })
    expect(verifyMonotonic(history([first, held, request(2, 9, [saw()], level)]))).toEqual([])
  })
})

describe('the effective token', () => {
  test('never decreases', () => {
    const up = [after(0, position(1, 5n)), after(1, position(1, 9n)), after(2, position(2, 7n))]
    expect(
      verifyEffectiveToken(history(up, { timeline: 2, switches: new Map([[1, 9n]]) })),
    ).toEqual([])
    const down = [after(0, position(1, 9n)), after(1, position(1, 5n))]
    expect(verifyEffectiveToken(history(down))).toMatchObject([{ requests: [0, 1] }])
    expect(verifyEffectiveToken(history([after(0, position(1, 9n)), after(1)]))).toHaveLength(1)
  })

  test('may lose what a failover has lost, and nothing else', () => {
    const taken = [after(0, position(1, 9n)), after(1)]
    const outcome = (lsn: bigint) => ({ timeline: 2, switches: new Map([[1, lsn]]) })
    expect(verifyEffectiveToken(history(taken, outcome(8n)))).toEqual([])
    expect(verifyEffectiveToken(history(taken, outcome(9n)))).toHaveLength(1)
  })

  test('loses a pin when that is over, not before', () => {
    const pin = (issuedAt: number): Request[] => [after(0, { type: 'pin', issuedAt }), after(1)]
    expect(verifyEffectiveToken(history(pin(999)))).toHaveLength(1)
    expect(verifyEffectiveToken(history(pin(990)))).toEqual([])
  })
})

describe('strong and within', () => {
  const first = request(0, 0, [wrote('a')], { client: 'c1' })

  test('strong sees every commit acknowledged before its start, whoever made it', () => {
    const read = (...tags: string[]) => request(1, 5, [saw(...tags)], { level: 'strong' })
    expect(verifyStrong(history([first, read('a')]))).toEqual([])
    expect(verifyStrong(history([first, read()]))).toMatchObject([{ requests: [0, 1] }])
    const early = request(1, 0.2, [saw()], { level: 'strong' })
    expect(verifyStrong(history([first, early]))).toEqual([])
  })

  test('within may lack what is younger than that', () => {
    const read = (atMs: number) => request(1, atMs, [saw()], { level: 'within' })
    expect(verifyWithin(history([first, read(50)]))).toEqual([])
    expect(verifyWithin(history([first, read(61)]))).toMatchObject([{ promise: 'within' }])
  })
})

describe('writes', () => {
  test('are there once when they were acknowledged, and never twice', () => {
    expect(verifyWrites(history([request(0, 0, [wrote('a')])]))).toEqual([])
    expect(verifyWrites(history([request(0, 0, [wrote('a')])], { tags: ['a', 'a'] }))).toHaveLength(
      1,
    )
    expect(verifyWrites(history([request(0, 0, [wrote('a')])], { tags: [] }))).toHaveLength(1)
  })

  test('may be missing when nobody was told that they are there, or when a failover came after them', () => {
    const failed = request(0, 0, [{ tag: 'a', outcome: 'failed' }])
    expect(verifyWrites(history([failed], { tags: [] }))).toEqual([])
    const lost = [request(0, 0, [wrote('a')])]
    expect(verifyWrites(history(lost, { tags: [], faults: [failover] }))).toEqual([])
  })

  test('may be missing when the member was no primary any more, not when it had just become one', () => {
    const on = (member: string) => [request(0, 5, [{ tag: 'a', member }])]
    expect(verifyWrites(history(on('ewr'), { tags: [], faults: [failover] }))).toEqual([])
    expect(verifyWrites(history(on('iad'), { tags: [], faults: [failover] }))).toHaveLength(1)
  })
})

test('a repeatable read transaction sees one state', () => {
  const two = (...seen: string[][]) => history([request(0, 0, [{ seen }])])
  expect(verifySnapshot(two(['a', 'b'], ['b', 'a']))).toEqual([])
  expect(verifySnapshot(two(['a'], ['a', 'b']))).toHaveLength(1)
})

describe('a replay', () => {
  const delivery = (status: number, region: string) => ({
    region,
    beginMs: 0,
    status,
    operations: [],
  })
  const delivered = (...statuses: number[]) =>
    history([request(0, 0, [], { deliveries: statuses.map((status) => delivery(status, 'syd')) })])

  test('happens once at most', () => {
    expect(verifyReplays(delivered(409, 200))).toEqual([])
    expect(verifyReplays(delivered(409, 409, 200))).toMatchObject([{ promise: 'one-replay' }])
  })

  test('does not happen after a write', () => {
    const written = request(0, 0, [wrote('a')])
    const [first] = written.deliveries
    if (first !== undefined) first.status = 409
    expect(verifyReplays(history([written]))).toHaveLength(1)
  })
})
