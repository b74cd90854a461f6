import { afterEach, describe, expect, test } from 'vitest'
import { type Consistency, type Position, Scope, type TokenEntry } from '../../src/index.js'
import { replicaFreshness, writerFreshness } from '../../src/routing/freshness.js'
import { identifyCluster, knowCluster } from '../../src/routing/known-clusters.js'
import { MemberProof } from '../../src/tokens/member-proof.js'

const now = Math.floor(Date.now() / 1000)
const at = (lsn: number, { cluster = 'a', timeline = 2, issuedAt = now } = {}): Position => ({
  type: 'position',
  cluster,
  timeline,
  lsn: BigInt(lsn),
  issuedAt,
})
const pin: TokenEntry = { type: 'pin', issuedAt: now }

function proven(lsn: number, timeline = 2, cluster: string | undefined = 'a'): MemberProof {
  return Object.assign(new MemberProof(), { cluster, timeline, lsn: BigInt(lsn) })
}
const nothing = new MemberProof()

const scopeWith = (
  token: TokenEntry[],
  consistency: Consistency = 'session',
  role: 'replica' | 'primary' = 'replica',
) => new Scope({ role, primaryRegion: 'ewr', canReplay: false, token, consistency })

describe('the member of a replica endpoint', () => {
  test.each<[string, TokenEntry[], MemberProof, string, string]>([
    ['nothing is asked for', [], nothing, 'free', 'free'],
    ['it has it', [at(5)], proven(5), 'contained', 'contained'],
    ['it has it, on a later timeline', [at(5)], proven(5, 3), 'contained', 'contained'],
    ['it is not there', [at(5)], proven(4), 'unknown', 'behind'],
    [
      'rule 10: its timeline is an older one, however far it is',
      [at(5)],
      proven(9, 1),
      'unknown',
      'unproven',
    ],
    ['rule 10: nothing is known of it', [at(5)], nothing, 'unknown', 'unproven'],
    ['only another cluster is asked for', [at(5, { cluster: 'b' })], proven(4), 'free', 'free'],
    [
      'two clusters are asked for',
      [at(5, { cluster: 'b' }), at(3)],
      proven(4),
      'contained',
      'contained',
    ],
    ['a position is not known', [pin], proven(99), 'unproven', 'unproven'],
  ])('%s', (_title, token, proof, before, after) => {
    const scope = scopeWith(token)
    expect(replicaFreshness({ scope, proof, asked: false })).toBe(before)
    expect(replicaFreshness({ scope, proof, asked: true })).toBe(after)
    const eventual = scopeWith(token, 'eventual')
    expect(replicaFreshness({ scope: eventual, proof, asked: false })).toBe('free')
    expect(replicaFreshness({ scope: undefined, proof, asked: false })).toBe('free')
  })

  test('has to have what the primary had then, too, and cannot when that is not known', () => {
    const question = { scope: scopeWith([at(5)]), proof: proven(7), asked: true }
    expect(replicaFreshness({ ...question, floor: at(7) })).toBe('contained')
    expect(replicaFreshness({ ...question, floor: at(8) })).toBe('behind')
    expect(replicaFreshness({ ...question, floor: at(1) })).toBe('contained')
    expect(replicaFreshness({ ...question, floor: null })).toBe('unproven')
  })
})

describe('the member of the writer endpoint', () => {
  const NEAR = { end: nothing, isNear: true }
  afterEach(() => identifyCluster('key', 'a'))

  test('has it, or is asked where that costs little', () => {
    const scope = scopeWith([at(5)])
    expect(writerFreshness({ scope, proof: proven(5), asked: false, ...NEAR })).toBe('free')
    expect(writerFreshness({ scope, proof: proven(3), asked: false, ...NEAR })).toBe('unknown')
    expect(
      writerFreshness({ scope, proof: proven(3), asked: false, end: proven(5), isNear: true }),
    ).toBe('free')
    expect(
      writerFreshness({ scope, proof: proven(3), asked: false, end: nothing, isNear: false }),
    ).toBe('free')
    expect(
      writerFreshness({ scope, proof: nothing, asked: false, end: nothing, isNear: false }),
    ).toBe('unknown')
    expect(scope.tokens.retired.size).toBe(0)
  })

  test('retires what it does not contain', () => {
    const scope = scopeWith([at(5)])
    expect(
      writerFreshness({ scope, proof: proven(3), asked: true, isPrimary: true, ...NEAR }),
    ).toBe('free')
    expect(scope.tokens.required).toEqual([])
  })

  test('rule 11: retires nothing when it has not answered, or is a standby', () => {
    const scope = scopeWith([at(5)])
    expect(writerFreshness({ scope, proof: proven(3), asked: true, ...NEAR })).toBe('free')
    const restored = scopeWith([at(5, { issuedAt: now - 700 })])
    const question = { scope: restored, proof: proven(9, 1), asked: true, ...NEAR }
    expect(writerFreshness(question)).toBe('old-timeline')
    for (const { tokens } of [scope, restored]) expect(tokens.retired.size).toBe(0)
  })

  test('rule 11: keeps what was read on a replica, which counts the record after its last as seen', () => {
    const scope = scopeWith([at(5)])
    expect(
      writerFreshness({ scope, proof: proven(4), asked: true, isPrimary: true, ...NEAR }),
    ).toBe('free')
    expect(scope.tokens.required).toEqual([at(5)])
  })

  test('rule 10: of an older timeline serves nobody who has seen a newer one of late', () => {
    const scope = scopeWith([at(5)])
    const question = { proof: proven(99, 1), ...NEAR }
    expect(writerFreshness({ scope, ...question, asked: false })).toBe('unknown')
    expect(writerFreshness({ scope, ...question, asked: true, isPrimary: true })).toBe(
      'old-timeline',
    )
    expect(scope.tokens.retired.size).toBe(0)
    for (const issuedAt of [now - 700, now + 3600]) {
      const restored = scopeWith([at(5, { issuedAt })])
      expect(writerFreshness({ scope: restored, ...question, asked: true, isPrimary: true })).toBe(
        'free',
      )
      expect(restored.tokens.required).toEqual([])
    }
  })

  test('retires another cluster where the process knows no other, and where it is the primary region', () => {
    knowCluster('key')
    identifyCluster('key', 'a')
    const foreign = [at(5, { cluster: 'b' })]
    const inPrimary = scopeWith(foreign, 'session', 'primary')
    writerFreshness({ scope: inPrimary, proof: proven(9), asked: true, isPrimary: true, ...NEAR })
    expect(inPrimary.tokens.required).toEqual([])
    const elsewhere = scopeWith(foreign)
    writerFreshness({ scope: elsewhere, proof: proven(9), asked: true, isPrimary: true, ...NEAR })
    expect(elsewhere.tokens.required).toEqual(foreign)
    knowCluster('another, not asked yet')
    const unsure = scopeWith(foreign, 'session', 'primary')
    writerFreshness({ scope: unsure, proof: proven(9), asked: true, isPrimary: true, ...NEAR })
    expect(unsure.tokens.required).toEqual(foreign)
  })
})
