import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clusterHash } from '../../src/tokens/cluster-hash.js'
import { MemberProof } from '../../src/tokens/member-proof.js'
import { readMember } from '../../src/tokens/member-statement.js'
import { stepBackOverPageHeader } from '../../src/tokens/page-header.js'
import { waitStatement } from '../../src/tokens/wait-for-lsn.js'

describe('what a member says', () => {
  test('a standby', () => {
    const row = ['true', '0/3000', '0/3100', 'on', '7000000000000000001', '2', null, '16777216']
    expect(readMember(row)).toEqual({
      inRecovery: true,
      lsn: 0x3000n,
      ahead: 0x3100n,
      commitsAsynchronously: false,
      cluster: clusterHash('7000000000000000001'),
      timeline: 2,
      segmentBytes: 16_777_216n,
    })
  })

  test('a primary, whose WAL file names a later timeline than its control file', () => {
    const row = ['false', '1/0', '1/28', 'off', '7', '1', '00000003000000010000000A', '1048576']
    expect(readMember(row)).toMatchObject({
      inRecovery: false,
      timeline: 3,
      commitsAsynchronously: true,
    })
  })

  test('asked for its position alone', () => {
    expect(readMember(['true', '0/3000', null, 'on'])).toMatchObject({
      lsn: 0x3000n,
      ahead: undefined,
      cluster: undefined,
      timeline: undefined,
    })
  })

  test('anything else is no answer, and nothing throws', () => {
    for (const row of [[], ['true'], ['t', '0/1'], ['true', null], ['true', 'x/y', '0/1', 'on']]) {
      expect(readMember(row)).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.array(fc.anything(), { maxLength: 9 }), (row) => {
        const answer = readMember(row)
        if (answer !== undefined) expect(typeof answer.lsn).toBe('bigint')
      }),
    )
  })
})

describe('what a member has proven', () => {
  const answer = {
    inRecovery: true,
    ahead: undefined,
    commitsAsynchronously: false,
    segmentBytes: undefined,
  }

  test('only grows', () => {
    const proof = new MemberProof()
    proof.learn({ ...answer, lsn: 9n, cluster: 'a', timeline: 2 })
    proof.learn({ ...answer, lsn: 5n, cluster: undefined, timeline: 1 })
    expect(proof).toMatchObject({ lsn: 9n, cluster: 'a', timeline: 2 })
  })

  test('of a primary is all it has inserted: that is visible there', () => {
    const proof = new MemberProof()
    proof.learn({ ...answer, inRecovery: false, lsn: 5n, ahead: 8n, cluster: 'a', timeline: 1 })
    expect(proof.lsn).toBe(8n)
  })

  test('is the timeline itself once it has named that as a primary, which a promoted standby has not yet', () => {
    const proof = new MemberProof()
    proof.learn({ ...answer, lsn: 5n, cluster: 'a', timeline: 1 })
    proof.learn({ ...answer, inRecovery: false, lsn: 6n, cluster: undefined, timeline: undefined })
    expect(proof).toMatchObject({ isOnTimeline: false })
    proof.learn({ ...answer, inRecovery: false, lsn: 7n, cluster: 'a', timeline: 2 })
    expect(proof).toMatchObject({ isOnTimeline: true, timeline: 2 })
  })

  test('another connection follows it, but not back', () => {
    const [end, one] = [new MemberProof(), new MemberProof()]
    one.learn({ ...answer, lsn: 9n, cluster: 'a', timeline: 1 })
    end.follow(one)
    expect(end).toMatchObject({ cluster: 'a', timeline: 1, lsn: 9n })
    const two = new MemberProof()
    two.learn({ ...answer, lsn: 3n, cluster: 'a', timeline: 1 })
    end.follow(two)
    expect(end.lsn).toBe(9n)
    const promoted = new MemberProof()
    promoted.learn({ ...answer, lsn: 4n, cluster: 'a', timeline: 2 })
    end.follow(promoted)
    expect(end).toMatchObject({ timeline: 2, lsn: 4n })
  })
})

describe('the header of a page', () => {
  const MB = 1024n * 1024n
  test.each([
    [8192n + 24n, 8192n],
    [5n * 8192n + 24n, 5n * 8192n],
    [16n * MB + 40n, 16n * MB],
    [8192n, 8192n],
    [8192n + 32n, 8192n + 32n],
    [8192n + 40n, 8192n + 40n],
    [MB + 40n, MB + 40n],
  ])('%s is behind %s', (lsn, end) => {
    expect(stepBackOverPageHeader(lsn, 16n * MB)).toBe(end)
  })

  test('of a segment is known by the size of the segments', () => {
    expect(stepBackOverPageHeader(MB + 40n, MB)).toBe(MB)
    expect(stepBackOverPageHeader(16n * MB + 40n, undefined)).toBe(16n * MB + 40n)
  })
})

test('a server waits by itself from version 19 on', () => {
  expect(waitStatement(undefined, 5n)).toBeUndefined()
  expect(waitStatement(18, 5n)).toBeUndefined()
  expect(waitStatement(19, 0x16_b374_d848n)).toBe(
    "wait for lsn '16/B374D848' with (timeout '10ms', no_throw)",
  )
  expect(waitStatement(20, 2n ** 70n + 5n)).toBe(
    "wait for lsn '0/5' with (timeout '10ms', no_throw)",
  )
})
