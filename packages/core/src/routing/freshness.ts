import type { Scope } from '../scope/scope-state.js'
import type { MemberProof, Standing } from '../tokens/member-proof.js'
import { isAhead, nowSeconds, type Position } from '../tokens/token.js'
import { isOnlyCluster } from './known-clusters.js'

/** How a member stands to what a scope's reads must have seen; `free` when that is nothing. */
export type Freshness = Standing | 'free' | 'old-timeline'

/** An entry that is older was not captured in a failover that is still going on. */
const SPLIT_BRAIN_SECONDS = 600

/** A read on a standby counts the record after the last as seen, and on an idle cluster there may be none yet. */
const READ_AHEAD = 1n

/** How the member of a replica endpoint stands. */
export interface ReplicaQuestion {
  readonly scope: Scope | undefined
  readonly proof: MemberProof
  /** It was asked just now. */
  readonly asked: boolean
  /** Where the primary was, for reads that may be only so old; `null` when it did not say. @default no such read */
  readonly floor?: Position | null | undefined
}

/** Whether a replica has what the scope's reads must have seen, and what it lacks. */
export function replicaFreshness({ scope, proof, asked, floor }: ReplicaQuestion): Freshness {
  if (floor === null) return 'unproven'
  const tokens = scope?.consistency.session === true ? scope.tokens : undefined
  const required = tokens?.required ?? []
  if (required.length === 0 && floor === undefined) return 'free'
  if (required.some(({ type }) => type === 'pin')) return 'unproven'
  if (proof.cluster === undefined) return asked ? 'unproven' : 'unknown'
  const position = further(tokens?.requiredOf(proof.cluster), floor)
  return position === undefined ? 'free' : proof.standingTo(position, asked)
}

/** What a replica lacks of that, when it was asked. */
export function lackedBy({ scope, proof, floor }: ReplicaQuestion): Position | undefined {
  const { cluster } = proof
  const seen = scope?.consistency.session === true && cluster !== undefined
  return further(seen ? scope.tokens.requiredOf(cluster) : undefined, floor ?? undefined)
}

/** How the member of the writer endpoint stands. */
export interface WriterQuestion {
  readonly scope: Scope | undefined
  readonly proof: MemberProof
  /** The furthest that connections of the endpoint were seen. */
  readonly end: MemberProof
  readonly asked: boolean
  /** It has answered that it is the primary: only then is what it lacks of no history. @default false */
  readonly isPrimary?: boolean
  /** Whether it costs little to find out that an entry is of no history. */
  readonly isNear: boolean
}

/**
 * Whether the member behind the writer endpoint may be trusted with what the scope has seen. It is the judge of that: what it does
 * not contain, and never will, is retired.
 */
export function writerFreshness(question: WriterQuestion): Freshness {
  const { scope, proof, end, asked, isPrimary = false, isNear } = question
  if (scope === undefined || scope.tokens.given.length === 0) return 'free'
  const { tokens } = scope
  for (const entry of tokens.given) {
    if (entry.type === 'pin' || tokens.retired.has(entry)) continue
    const { cluster } = proof
    if (cluster === undefined) return asked ? 'free' : 'unknown'
    if (entry.cluster !== cluster) {
      if (scope.role === 'primary' && isOnlyCluster(cluster)) tokens.retire(entry)
      continue
    }
    if (proof.timeline < entry.timeline) {
      if (!asked) return 'unknown'
      const ageSeconds = nowSeconds() - entry.issuedAt
      if (!isPrimary || Math.abs(ageSeconds) < SPLIT_BRAIN_SECONDS) return 'old-timeline'
      tokens.retire(entry)
    } else if (proof.lsn + READ_AHEAD < entry.lsn && !reached(end, proof, entry)) {
      if (isPrimary) tokens.retire(entry)
      else if (!asked && isNear) return 'unknown'
    }
  }
  return 'free'
}

function reached(end: MemberProof, proof: MemberProof, { lsn }: Position): boolean {
  const isSame = end.cluster === proof.cluster && end.timeline === proof.timeline
  return isSame && end.lsn + READ_AHEAD >= lsn
}

function further(
  one: Position | undefined,
  other: Position | null | undefined,
): Position | undefined {
  if (one === undefined || other === undefined || other === null) return one ?? other ?? undefined
  return isAhead(one, other) ? one : other
}
