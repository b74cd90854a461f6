/** What a read must have seen, by name. */
export type Level = 'session' | 'eventual' | 'strong' | 'monotonic' | 'within'

/** One part of a token, as far as it can be compared. */
export type Entry =
  | { readonly type: 'position'; readonly timeline: number; readonly lsn: bigint }
  | { readonly type: 'pin'; readonly issuedAt: number }

/**
 * What one request did to the database. All times are of one monotonic clock.
 *
 * - `read`: one statement; it sees all that was ever written in its history, so what it saw is a state of the whole database
 * - `read-transaction`: two such reads in one repeatable read transaction
 * - `write`, `write-transaction`: adds a tag that nobody else adds
 * - `unknown-commit`: the same, on a connection that is lost after COMMIT was sent
 */
export interface Operation {
  readonly kind: 'read' | 'read-transaction' | 'write' | 'write-transaction' | 'unknown-commit'
  readonly level: Level
  readonly beginMs: number
  /** @default it has not ended */
  endMs?: number
  /** `done`: acknowledged. `unknown`: a COMMIT whose outcome nobody knows. `failed`: anything else. */
  outcome?: 'done' | 'unknown' | 'failed'
  /** What was added. */
  readonly tag?: string
  /** What was seen; twice for a transaction. */
  seen?: readonly (readonly string[])[]
  /** The region of the member that served it, and what it was. */
  member?: string
  role?: 'primary' | 'replica'
  error?: string
}

/** A request as the app of a region got it: more than one for a request that was replayed. */
export interface Delivery {
  readonly region: string
  readonly beginMs: number
  readonly operations: Operation[]
  /** Of its answer; 409 asks for a replay. */
  status?: number
}

/** A request of a client. */
export interface Request {
  readonly id: number
  readonly client: string
  readonly method: 'GET' | 'POST'
  readonly level: Level
  /** The region the client was in. */
  readonly region: string
  readonly sentMs: number
  /** The token the client sent. */
  readonly token: readonly Entry[]
  /** The request whose token another client handed over, to be read with. */
  readonly handedOver?: number
  readonly deliveries: Delivery[]
  /** When the answer reached the client. @default it never did */
  receivedMs?: number
  /** The same by the clock on the wall, in seconds since 1970. */
  receivedAt?: number
  status?: number
  /** The client's token after it. */
  tokenAfter?: readonly Entry[]
}

/** Something that was done to the cluster. */
export interface Fault {
  readonly what: string
  readonly beginMs: number
  readonly endMs: number
  /** A failover: the region whose member stopped being the primary, and the one whose member became it. */
  readonly demoted?: string
  readonly promoted?: string
}

/** What is true in the end. */
export interface Outcome {
  /** All tags of the primary, as often as they are there. */
  readonly tags: readonly string[]
  /** Of the primary; and where it left each timeline before. */
  readonly timeline: number
  readonly switches: ReadonlyMap<number, bigint>
}

/** Everything that happened in one run. */
export interface History {
  /** Of the level `within`. */
  readonly withinMs: number
  readonly requests: readonly Request[]
  readonly faults: readonly Fault[]
  readonly outcome: Outcome
}

/** The delivery whose answer was the request's: the last one. */
export function served(request: Request): Delivery | undefined {
  return request.deliveries.at(-1)
}

export function writes(delivery: Delivery): Operation[] {
  return delivery.operations.filter(({ tag }) => tag !== undefined)
}

export function reads(delivery: Delivery): Operation[] {
  return delivery.operations.filter(({ outcome, seen }) => seen !== undefined && outcome === 'done')
}
