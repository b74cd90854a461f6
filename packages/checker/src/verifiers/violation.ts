/** A promise that was not kept. */
export interface Violation {
  /** The name of the verifier. */
  readonly promise: string
  /** The requests that show it, the last one is where it shows. */
  readonly requests: readonly number[]
  readonly what: string
}
