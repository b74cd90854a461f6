import { processWide } from '../process-wide.js'

/** The clusters this process talks to, by what its configuration calls them, and by what they call themselves once they have. */
function known(): Map<string, string | undefined> {
  return processWide('clusters', Map<string, string | undefined>)
}

/** A pool or a client was made for a cluster. */
export function knowCluster(key: string): void {
  const clusters = known()
  if (!clusters.has(key)) clusters.set(key, undefined)
}

/** A member of it has said which it is. */
export function identifyCluster(key: string, cluster: string): void {
  known().set(key, cluster)
}

/** Whether all that this process talks to is this cluster, so that an entry of another is of no use to anyone here. */
export function isOnlyCluster(cluster: string): boolean {
  for (const other of known().values()) if (other !== cluster) return false
  return true
}
