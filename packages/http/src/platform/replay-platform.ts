import type { ReplayReason } from '@flyback/core'

/** Why a request is replayed: a refusal's reason, or the rule that asked for it before the handler ran. Closed. */
export type ReplayCause = ReplayReason | 'method' | 'route'

export interface ReplayOrder {
  /** Where the request is to run: letters, digits and hyphens. */
  readonly region: string
  readonly reason: ReplayCause
}

/** What the platform says of where a request came from. Read from headers a client may have forged: they only ever stop a replay. */
export interface ReplayOrigin {
  /** Flyback, in some region, replayed this request before. */
  readonly replayed: boolean
  /** The platform routed it by a remembered replay. */
  readonly cached: boolean
  /** A replay found no machine, and the platform gave the request back; it takes no other replay. */
  readonly failed: boolean
}

/** Reads one request header, by its name in lower case. */
export type ReadHeader = (name: string) => string | undefined

/** What carries a whole request to another region: a proxy that acts on headers of our answer. */
export interface ReplayPlatform {
  readonly name: string
  /** The headers of an answer that asks for a replay. Their values come from a closed vocabulary. */
  encode(order: ReplayOrder): ReadonlyArray<readonly [name: string, value: string]>
  /** Total: any header value gives an answer. */
  readOrigin(header: ReadHeader): ReplayOrigin
  readonly limits: {
    /** The largest request body that can be replayed, in bytes. */
    readonly maxBodyBytes: number
  }
}
