import type { MemberAnswer } from './member-statement.js'
import type { Position } from './token.js'

/**
 * How a member stands to a position.
 *
 * - `contained`: it has it
 * - `behind`: it will have it
 * - `unknown`: it was not asked for so much yet
 * - `unproven`: which cluster or timeline it is on cannot be told, or is not the position's: it is never trusted with it (rule 10)
 */
export type Standing = 'contained' | 'behind' | 'unknown' | 'unproven'

/**
 * What the member behind one connection has proven. It only grows: a standby never goes back while a connection to it is open.
 * What was said before a promotion stays true after it.
 */
export class MemberProof {
  cluster: string | undefined
  /** A lower bound; 0 when nothing is known. */
  timeline = 0
  /** The timeline is the one that a primary writes, which it does for as long as a connection to it is open. */
  isOnTimeline = false
  lsn = 0n
  segmentBytes: bigint | undefined

  learn(answer: MemberAnswer): void {
    const { cluster, timeline, lsn, ahead, inRecovery } = answer
    this.cluster = cluster ?? this.cluster
    this.segmentBytes = answer.segmentBytes ?? this.segmentBytes
    this.timeline = Math.max(this.timeline, timeline ?? 0)
    if (!inRecovery && timeline !== undefined) this.isOnTimeline = true
    // What a primary has inserted it shows, flushed or not.
    const reached = inRecovery ? lsn : (ahead ?? lsn)
    if (reached > this.lsn) this.lsn = reached
  }

  /** Takes over what another connection to the same endpoint has proven, if that is newer. */
  follow(other: MemberProof): void {
    if (
      other.cluster === this.cluster &&
      other.timeline === this.timeline &&
      other.lsn < this.lsn
    ) {
      return
    }
    this.cluster = other.cluster
    this.timeline = other.timeline
    this.isOnTimeline = other.isOnTimeline
    this.lsn = other.lsn
  }

  /** @param asked whether it was asked just now: then what it has not proven it does not have */
  standingTo(position: Position, asked: boolean): Standing {
    if (this.cluster !== position.cluster || this.timeline < position.timeline) {
      return asked ? 'unproven' : 'unknown'
    }
    if (this.lsn >= position.lsn) return 'contained'
    return asked ? 'behind' : 'unknown'
  }
}
