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
  /** It was, because a replica lacked what its client had seen: its statements that look like reads are no more than that. @default false */
  readonly stale?: boolean
  /** The platform routed it by a remembered replay. */
  readonly cached: boolean
  /** A replay found no machine, and the platform gave the request back; it takes no other replay. */
  readonly failed: boolean
}

/** Reads one request header, by its name in lower case. */
export type ReadHeader = (name: string) => string | undefined

interface AnyPlatform {
  readonly name: string
  /** Total: any header value gives an answer. */
  readOrigin(header: ReadHeader): ReplayOrigin
  readonly limits: {
    /** The largest request body that can be replayed, in bytes. */
    readonly maxBodyBytes: number
  }
}

/** A proxy in front of this process, which acts on headers of our answer and keeps the request meanwhile. */
export interface HeaderPlatform extends AnyPlatform {
  /** The headers of an answer that asks for a replay. Their values come from a closed vocabulary. */
  encode(order: ReplayOrder): ReadonlyArray<readonly [name: string, value: string]>
}

/** Sends the request to the primary region from here; Flyback keeps its body meanwhile. */
export interface CarryingPlatform extends AnyPlatform {
  /**
   * Sends a request to the app in the primary region, once, and resolves to what it answered, as soon as the headers are
   * there. Resolves to `undefined` when nothing of it was sent, so that it may still run here; rejects when it may have
   * been received.
   */
  carry(request: CarriedRequest, order: ReplayOrder): Promise<Response | undefined>
}

/** What carries a whole request to another region. */
export type ReplayPlatform = HeaderPlatform | CarryingPlatform

/** A request as the client sent it. */
export interface CarriedRequest {
  readonly method: string
  /** Path and query, their percent-encoding untouched: begins with `/`, or is `*`. */
  readonly target: string
  /** Names in lower case, those of the connection included. */
  readonly headers: Iterable<readonly [name: string, value: string]>
  /** `undefined` when it has none; empty when it is zero bytes long. */
  readonly body: readonly Uint8Array[] | undefined
  readonly scheme: 'http' | 'https'
  /** The address of whoever connected to this process, where the runtime tells it. */
  readonly peer: string | undefined
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}
