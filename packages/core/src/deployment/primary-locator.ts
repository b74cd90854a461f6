import type { Deployment } from './detect-deployment.js'

/**
 * Answers where the primary is. It is asked each time, so an implementation may learn (from a failover, from a tenant's
 * home region); the answer is what it knows now, without waiting.
 */
export interface PrimaryLocator {
  /**
   * The primary region of a cluster, in lower case; `undefined` when unknown (the process then acts as `single`).
   *
   * @param cluster the cluster's key, see {@link clusterKey}
   */
  locate(cluster: string): string | undefined
}

/** A primary that stays where the environment says. */
export function staticPrimary(deployment: Deployment): PrimaryLocator {
  return { locate: () => deployment.primaryRegion }
}
