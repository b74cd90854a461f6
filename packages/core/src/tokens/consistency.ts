import { ConfigurationError } from '../errors/configuration-error.js'

/**
 * What a read must have seen.
 *
 * - `session`: everything its client has written, as its token says
 * - `eventual`: nothing in particular; any healthy member answers
 * - `strong`: everything: the primary answers, over the writer endpoint
 * - an object: `session`, and more
 */
export type Consistency = 'session' | 'eventual' | 'strong' | SessionConsistency

/** `session`, and more. */
export interface SessionConsistency {
  /** A later request never reads a state older than one that a completed earlier response was built from. @default false */
  readonly monotonic?: boolean | undefined
  /**
   * A replica answers only if it has replayed everything the primary had flushed at some moment at most so many milliseconds ago.
   * The primary must be reachable. @default any age
   */
  readonly withinMs?: number | undefined
}

/** A level in parts. */
export interface ConsistencyRules {
  /** Tokens are checked. */
  readonly session: boolean
  /** What is read counts as seen. */
  readonly monotonic: boolean
  readonly strong: boolean
  readonly withinMs: number | undefined
}

const WORDS: Readonly<Record<'session' | 'eventual' | 'strong', ConsistencyRules>> = {
  session: { session: true, monotonic: false, strong: false, withinMs: undefined },
  eventual: { session: false, monotonic: false, strong: false, withinMs: undefined },
  strong: { session: true, monotonic: false, strong: true, withinMs: undefined },
}

const EXPECTED =
  'must be session, eventual, strong, or an object with monotonic (true or false) or withinMs (milliseconds from 1)'

/** @param option what to call it in the error @throws {@link ConfigurationError} */
export function readConsistency(given: Consistency, option: string): ConsistencyRules {
  if (given === 'session' || given === 'eventual' || given === 'strong') return WORDS[given]
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ConfigurationError(option, EXPECTED)
  const { monotonic = false, withinMs, ...rest } = given
  const isAge =
    withinMs === undefined || (typeof withinMs === 'number' && withinMs >= 1 && withinMs < 2 ** 31)
  if (Object.keys(rest).length > 0 || typeof monotonic !== 'boolean' || !isAge) {
    throw new ConfigurationError(option, EXPECTED)
  }
  return { ...WORDS.session, monotonic, withinMs }
}
