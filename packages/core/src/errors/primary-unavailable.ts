import { brandClass, FlybackError, hasBrand } from './flyback-error.js'

const BRAND: symbol = Symbol.for('flyback.PrimaryUnavailable')

/**
 * Why the primary cannot serve.
 *
 * - `standby`: the writer endpoint leads to a member that announced it is in recovery (a failover in progress)
 * - `read-only`: the primary announced `default_transaction_read_only=on` (a full disk, a fence)
 * - `role-changed`: the member was promoted while a transaction begun on the standby was open
 * - `unreachable`: no connection through the writer endpoint within `writerDeadlineMs`
 * - `busy`: as many as `maxFallbacks` already read there because their replica is stale or down
 * - `old-timeline`: the writer endpoint leads to a member whose history ends before what the client has seen (a split brain)
 */
export type PrimaryUnavailableReason =
  | 'standby'
  | 'read-only'
  | 'role-changed'
  | 'unreachable'
  | 'busy'
  | 'old-timeline'

const MESSAGES: Readonly<Record<PrimaryUnavailableReason, string>> = {
  standby: 'takes no writes: the writer endpoint leads to a member in recovery',
  'read-only': 'takes no writes: it is read-only (default_transaction_read_only is on)',
  'role-changed':
    'takes no writes: the member was promoted while this transaction was open; begin it again',
  unreachable: 'takes no writes: no connection through the writer endpoint within writerDeadlineMs',
  busy: 'takes no more reads of this region: maxFallbacks are there already',
  'old-timeline':
    'cannot be trusted: the writer endpoint leads to a member whose history ends before what the client has seen',
}

/** The primary cannot serve this work now. Never a replay: another region would meet the same primary. */
export class PrimaryUnavailable extends FlybackError {
  readonly reason: PrimaryUnavailableReason

  constructor(options: { readonly reason: PrimaryUnavailableReason; readonly cause?: unknown }) {
    super(
      `The primary ${MESSAGES[options.reason]}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.reason = options.reason
  }
}

brandClass(PrimaryUnavailable, 'PrimaryUnavailable', BRAND)

/** Whether this very value is a {@link PrimaryUnavailable}. */
export function isPrimaryUnavailable(value: unknown): value is PrimaryUnavailable {
  return hasBrand(value, BRAND)
}
