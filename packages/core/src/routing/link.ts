import { MemberProof } from '../tokens/member-proof.js'
import { Watcher } from '../tokens/watcher.js'
import type { EndpointName } from './connection-facts.js'
import type { Router } from './router.js'
import type { Routing, Settings } from './routing.js'

const PROBE_INTERVAL_MS = 1000

/** What the connections of one endpoint share. */
export interface Link {
  readonly router: Router
  readonly settings: Settings
  readonly endpoint: EndpointName
  /** Grows when the endpoint is seen to have changed members: older connections are retired at checkout. */
  epoch: number
  /** When a read-only primary was last tried with a new connection, on the monotonic clock. */
  lastProbeMs: number
  /** Waits for its members. */
  readonly watcher: Watcher
  /** The furthest that the primary behind it was seen. */
  readonly end: MemberProof
}

/** A link nothing is known of yet. */
export function createLink({ router, settings }: Routing, endpoint: EndpointName): Link {
  return {
    router,
    settings,
    endpoint,
    epoch: 0,
    lastProbeMs: Number.NEGATIVE_INFINITY,
    watcher: new Watcher(),
    end: new MemberProof(),
  }
}

/** Whether to try the endpoint with a new connection: at most one a second. Notes that it was tried. */
export function mayProbe(link: Link): boolean {
  const nowMs = performance.now()
  if (nowMs - link.lastProbeMs < PROBE_INTERVAL_MS) return false
  link.lastProbeMs = nowMs
  return true
}
