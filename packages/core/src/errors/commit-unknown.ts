import { brandClass, FlybackError, hasBrand } from './flyback-error.js'

const BRAND: symbol = Symbol.for('flyback.CommitUnknown')

/**
 * The connection was lost while a COMMIT was on its way: nobody can tell whether it took effect. It is never sent again. The
 * driver's own error is the `cause`.
 */
export class CommitUnknown extends FlybackError {
  /**
   * `statement_completion_unknown`.
   *
   * @see https://www.postgresql.org/docs/18/errcodes-appendix.html (read 2026-11-25)
   */
  readonly code = '40003'

  constructor(cause: unknown) {
    super('The connection was lost during COMMIT: whether it took effect is unknown', { cause })
  }
}

brandClass(CommitUnknown, 'CommitUnknown', BRAND)

/** Whether this very value is a {@link CommitUnknown}. */
export function isCommitUnknown(value: unknown): value is CommitUnknown {
  return hasBrand(value, BRAND)
}
