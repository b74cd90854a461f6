import type { EdgeErrorCode } from './edge-error.js'

/** One delivery of a request: to a machine that answered, or to none. */
export interface EdgeHop {
  /** Absent when no machine could be chosen. */
  readonly machine?: string
  readonly region?: string
  /** Absent when no connection was opened, or it broke before an answer. */
  readonly status?: number
  /** The machine answered with a replay, which was followed or refused. `to` is empty if it was invalid. */
  readonly replay?: { readonly to: string; readonly state?: string }
  readonly cache?: 'miss' | 'hit' | 'bypass'
  /** The request came back to the machine that had issued a replay which failed. */
  readonly fallback?: true
  /** Why no connection was opened. */
  readonly unreached?: 'timeout' | 'retries_exhausted' | 'no_candidate'
  /** From the choice of the machine to the head of its answer. */
  readonly durationMs: number
}

/** What became of one request, for transcripts and dashboards. Holds no query, header value, cookie or body. */
export interface EdgeRecord {
  /** As in `Fly-Request-Id`, with the edge's region. */
  readonly id: string
  readonly method: string
  /** Without its query. */
  readonly path: string
  /** The region of the edge the client came to. */
  readonly region: string
  readonly hops: readonly EdgeHop[]
  /** What the client got; absent if it left before. 101 for a WebSocket, recorded when it closes. */
  readonly status?: number
  /** The edge's own error, if the answer was the edge's. */
  readonly error?: EdgeErrorCode
  /** The client left, or the answer broke, before its end. */
  readonly aborted: boolean
  readonly durationMs: number
  /** Body bytes read from the client (once, however often replayed). Of a tunnel: what the client sent. */
  readonly requestBytes: number
  /** Body bytes sent to the client. Of a tunnel: what the machine sent. */
  readonly responseBytes: number
}
