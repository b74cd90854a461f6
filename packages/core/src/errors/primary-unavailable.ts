import { brandClass, FlybackError, hasBrand } from './flyback-error.js'

const BRAND: symbol = Symbol.for('flyback.PrimaryUnavailable')

/**
 * Why the primary cannot serve.
 *
 * - `standby`: the writer endpoint leads to a member that announced it is in recovery (a failover in progress)
 * - `read-only`: the primary announced `default_transaction_read_only=on` (a full disk, a fence)
 * - `role-changed`: the member was promoted while a transaction begun on the standby was open
 * - `unreachable`: no connection through the writer endpoint within `writerDeadlineMs`
 */
export type PrimaryUnavailableReason = 'standby' | 'read-only' | 'role-changed' | 'unreachable'

const MESSAGES: Readonly<Record<PrimaryUnavailableReason, string>> = {
  standby: 'the writer endpoint leads to a member in recovery',
  'read-only': 'the primary is read-only (default_transaction_read_only is on)',
  'role-changed': 'the member was promoted while this transaction was open; begin it again',
  unreachable: 'no connection through the writer endpoint within writerDeadlineMs',
}

/** The primary cannot take this write now. Never a replay: another region would meet the same primary. */
export class PrimaryUnavailable extends FlybackError {
  readonly reason: PrimaryUnavailableReason

  constructor(options: { readonly reason: PrimaryUnavailableReason; readonly cause?: unknown }) {
    super(
      `The primary cannot take writes: ${MESSAGES[options.reason]}`,
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
