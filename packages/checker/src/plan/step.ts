import type { Level, Operation } from '../history/history.ts'

/** A client sends a request in a region. */
export interface RequestStep {
  readonly type: 'request'
  readonly client: number
  /** Regions by number: 0 has the primary when the run begins. */
  readonly place: number
  readonly method: 'GET' | 'POST'
  /** The policy of its route; `replay` is what the method says. */
  readonly policy: 'replay' | 'attempt' | 'forward'
  readonly level: Level
  readonly operations: readonly {
    readonly kind: Operation['kind']
    readonly level?: Level | undefined
  }[]
  /** Reads with the last token that this client's app was given, beside its own. */
  readonly handedOverBy?: number | undefined
  /** How many steps later its answer reaches the client. */
  readonly holds: number
  /** Its answer never does. */
  readonly isLost: boolean
  /** The next step waits for the answer, though it may reach the client later. */
  readonly waits: boolean
}

/** The primary stops and another member takes its place. */
export interface FailoverStep {
  readonly type: 'failover'
  readonly place: number
  /** It is cut off first, and takes a last write of this client that nobody else gets. */
  readonly loses?: number | undefined
  /** It has written much more than it has sent: its history is longer. */
  readonly isLonger: boolean
  /** What becomes of the old primary. */
  readonly old: 'gone' | 'fresh' | 'replica' | 'primary'
  /** The apps are started anew, and know where the primary is. */
  readonly redeploys: boolean
}

/** Something that is done to the cluster. */
export type FaultStep =
  | FailoverStep
  | {
      readonly type: 'freeze' | 'resume' | 'restart' | 'clone' | 'cut' | 'heal'
      readonly place: number
    }
  | { readonly type: 'slow'; readonly place: number; readonly delayMs: number }

export type Step = RequestStep | FaultStep | { readonly type: 'pause'; readonly delayMs: number }

export type Plan = readonly Step[]
