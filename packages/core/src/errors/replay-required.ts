import { brandClass, FlybackError, hasBrand } from './flyback-error.js'

const BRAND: symbol = Symbol.for('flyback.ReplayRequired')

/**
 * Why work belongs in the primary region. Closed: these words also travel in headers and diagnostics.
 *
 * - `write`: the replica refused a statement that writes or locks
 * - `ambiguous`: a hot standby refused with a code that is not always a write
 * - `known-write`: known to write before it was sent (an advisory lock, an ORM operation); nothing was sent
 * - `required`: {@link requirePrimary} was called
 * - `mixed-reads`: reads of the replica and work on the primary would mix in one scope
 * - `replica-unavailable`: the replica cannot be reached and the option says to replay
 * - `stale`: the replica has not replayed, in time, what the client has seen
 */
export type ReplayReason =
  | 'write'
  | 'ambiguous'
  | 'known-write'
  | 'required'
  | 'mixed-reads'
  | 'replica-unavailable'
  | 'stale'

export interface ReplayRequiredOptions {
  /** The primary region, where the work belongs. */
  readonly region: string
  readonly reason: ReplayReason
  /** Whether the whole request may run again in {@link region}. */
  readonly replayable: boolean
  /** The driver's own error, when there was one. It is never part of a message, a header or printed output. */
  readonly cause?: unknown
}

const MESSAGES: Readonly<Record<ReplayReason, string>> = {
  write: 'the replica in this region refused it as a write',
  ambiguous: 'the replica in this region cannot run it',
  'known-write': 'it writes, and this region has a replica',
  required: 'requirePrimary() was called in a replica region',
  'mixed-reads': 'reads of the replica and work on the primary would mix',
  'replica-unavailable': 'the replica in this region cannot be reached',
  stale: 'the replica in this region is behind what its client has seen',
}

/**
 * This work belongs in the primary region.
 *
 * Identity is a brand (`Symbol.for`), so `instanceof` holds across copies of this package. It has no `code` property
 * (Prisma re-creates errors that have one) and knows nothing of HTTP.
 */
export class ReplayRequired extends FlybackError {
  readonly region: string
  readonly reason: ReplayReason
  readonly replayable: boolean

  constructor(options: ReplayRequiredOptions) {
    const tail = options.replayable ? '' : '; this request can no longer be replayed'
    super(
      `This work must run in the primary region (${options.region}): ${MESSAGES[options.reason]}${tail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.region = options.region
    this.reason = options.reason
    this.replayable = options.replayable
  }
}

brandClass(ReplayRequired, 'ReplayRequired', BRAND)

/** Whether this very value is a {@link ReplayRequired}; see {@link findReplayRequired} for wrapped ones. */
export function isReplayRequired(value: unknown): value is ReplayRequired {
  return hasBrand(value, BRAND)
}
