import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Target } from './choose-machines.js'
import type { EdgeSettings } from './edge-options.js'
import type { EdgeHop } from './edge-record.js'
import type { MachineEntry } from './machine-table.js'
import type { ReplayTransform } from './replay.js'
import type { ReplayBody } from './replay-body.js'
import type { CacheKey, ReplayCache } from './replay-cache.js'

/** What the parts of one running edge share. */
export interface EdgeState {
  readonly settings: EdgeSettings
  readonly cache: ReplayCache
  /** Requests under way on each machine, by id. */
  readonly load: Map<string, number>
  /** Client connections the HTTP server has let go of. Destroyed when the edge closes, which would wait for them. */
  readonly detached: Set<Duplex>
  /** The port clients came to. */
  readonly port: () => number
}

/** One request of a client, from its head to the end of the answer. */
export interface Exchange {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The raw connection, when the client asks for an upgrade. */
  readonly upgrade: { readonly socket: Duplex; readonly head: Buffer } | undefined
  readonly body: ReplayBody
  readonly cacheKey: CacheKey
  /** Aborted when the client leaves or the edge closes. */
  readonly signal: AbortSignal
  readonly hops: EdgeHop[]
  /** Set-Cookie values of replay answers, when the switch keeps them. */
  readonly cookies: string[]
  responseBytes: number
  /** What the client sent after an upgrade. */
  tunnelBytes: number
}

/** One way of handing the request to a machine: where to, and how it differs from what the client sent. */
export interface Delivery {
  readonly target: Target
  readonly path: string
  readonly transform?: ReplayTransform
  /** `fly-replay-src` */
  readonly source?: string
  /** `fly-replay-failed`: this delivery is a fallback, and may not be replayed. */
  readonly failed?: string
  /** `fly-replay-cache-status` */
  readonly cacheStatus?: 'miss' | 'hit' | 'bypass'
  /** The cache was skipped at the client's wish: replays from here on say `bypass`. */
  readonly bypassed?: true
  readonly timeoutMs?: number
  /** Who issued the replay, and how the request had reached it. */
  readonly origin?: { readonly machine: MachineEntry['machine']; readonly delivery: Delivery }
  readonly fallback?: 'force_self' | 'prefer_self'
}
