/** What somebody has seen of one cluster: everything up to a position in its write-ahead log. */
export interface Position {
  readonly type: 'position'
  /** {@link clusterHash} of the system identifier. */
  readonly cluster: string
  /** The timeline the position is on, from 1. */
  readonly timeline: number
  readonly lsn: bigint
  /** When it was captured, in seconds since 1970. */
  readonly issuedAt: number
}

/**
 * A position that is not known: a commit whose outcome, or whose position, could not be learned. Only the primary contains it
 * for sure, and only the primary takes it back.
 */
export interface Pin {
  readonly type: 'pin'
  /** When, in seconds since 1970. */
  readonly issuedAt: number
}

/** One part of a token. */
export type TokenEntry = Position | Pin

/** How old a pin is before the primary puts a position in its place, in seconds: what it stands for is over by then. */
export const PIN_SECONDS = 10

/** A timeline has 32 bits. */
export const MAX_TIMELINE = 0xffff_ffff

/** Seconds in the year 4147: more than any clock tells, and exact in every number. */
export const MAX_ISSUED_AT = 0xf_ffff_ffff

/** Seconds since 1970. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/** Whether a position is on a later timeline, or further on the same one. */
export function isAhead(one: Position, other: Position): boolean {
  return one.timeline === other.timeline ? one.lsn > other.lsn : one.timeline > other.timeline
}

/**
 * Whether whoever has seen `by` has seen all of `entry`, too: the primary made `by` later. On a later timeline a position counts
 * more however far it is: what lies between was lost by a failover, and is nobody's any more.
 */
export function isContained(entry: TokenEntry, by: TokenEntry): boolean {
  if (entry.type === 'pin' || by.type === 'pin') {
    return entry.type === by.type && entry.issuedAt <= by.issuedAt
  }
  return entry.cluster === by.cluster && !isAhead(entry, by)
}

/** What entries have in common of which one takes the place of another. A cluster may be called anything, `pin` too. */
export function keyOf(entry: TokenEntry): string {
  return entry.type === 'pin' ? 'pin' : `of ${entry.cluster}`
}

/** The furthest of all, one for each cluster, and the latest pin. */
export function furthest(entries: Iterable<TokenEntry>): TokenEntry[] {
  const kept = new Map<string, TokenEntry>()
  for (const entry of entries) {
    const key = keyOf(entry)
    const other = kept.get(key)
    if (other === undefined || !isContained(entry, other)) kept.set(key, entry)
  }
  return [...kept.values()]
}
