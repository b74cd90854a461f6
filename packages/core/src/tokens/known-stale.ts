import { processWide } from '../process-wide.js'
import type { TokenEntry } from './token.js'
import type { Watcher } from './watcher.js'

/** An endpoint that somebody has waited for in vain. */
export interface StaleEndpoint {
  readonly watcher: Watcher
  readonly maxFallbacks: number
}

function endpoints(): Map<string, StaleEndpoint> {
  return processWide('stale', Map<string, StaleEndpoint>)
}

/** Somebody has waited for a member of a cluster. */
export function rememberStale(cluster: string, endpoint: StaleEndpoint): void {
  endpoints().set(cluster, endpoint)
}

/**
 * The endpoint of which it is known, without asking, that waiting for one of these would be in vain: work can be left to the primary
 * before it begins.
 */
export function findKnownStale(entries: readonly TokenEntry[]): StaleEndpoint | undefined {
  for (const entry of entries) {
    if (entry.type === 'pin') continue
    const endpoint = endpoints().get(entry.cluster)
    if (endpoint?.watcher.isStale(entry) === true) return endpoint
  }
  return undefined
}
