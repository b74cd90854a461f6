/** How a call may be repeated: whether at all, and how often it was sent before. */
export interface Attempt {
  /** The call owns its checkout, and no rows were delivered. */
  readonly retryable: boolean
  readonly attempt: number
}

/** A statement of a checkout that its caller holds: it never runs elsewhere. */
export const NO_RETRY: Attempt = { retryable: false, attempt: 0 }
