import type { Cluster } from './cluster.js'
import type { MemberRole } from './engine/engine.js'
import { LabError } from './lab-error.js'
import type { RegionProxies } from './proxies.js'
import { caughtUp } from './replication.js'
import { slow } from './slow.js'

type Proxies = ReadonlyMap<string, RegionProxies>

/** Makes the member of a region the primary and lets the rest follow. */
export async function promote(cluster: Cluster, proxies: Proxies, region: string): Promise<void> {
  if (cluster.member(region).region === cluster.primaryRegion) {
    throw new LabError(`'${region}' has the primary already`)
  }
  const next = cluster.runningReplica(region)
  if (cluster.outdated.has(region)) {
    throw new LabError(`The history of '${region}' has ended: clone('${region}') first`)
  }
  if (next.hung) throw new LabError(`The member in '${region}' hangs: unhang it first`)
  const old = cluster.primary
  if (cluster.slow.has(region)) await slow(cluster, region, 0)
  cluster.hasPrimary = false
  try {
    abandonUnreachable(cluster, proxies)
    await old.stop('fast')
    const ahead = await membersAheadOf(cluster, region)
    await next.promote()
    cluster.outdated.add(old.region)
    for (const other of ahead) cluster.outdated.add(other)
    cluster.outdated.delete(region)
    cluster.frozen.delete(region)
    cluster.primaryRegion = region
  } finally {
    cluster.hasPrimary = true
  }
  for (const { writer, replication } of proxies.values()) {
    writer.dropConnections()
    replication.dropConnections()
  }
  const diverged = cluster.replicas().filter((member) => cluster.outdated.has(member.region))
  if (diverged.length > 0)
    await clone(
      cluster,
      diverged.map((member) => member.region),
    )
  await caughtUp(cluster)
}

/** Starts a member: a fresh replica where its history has ended, unless it shall be what it was. */
export async function start(cluster: Cluster, region: string, as?: MemberRole): Promise<void> {
  const member = cluster.member(region)
  const outdated = cluster.outdated.has(region)
  if (as !== undefined && !outdated) {
    throw new LabError(
      `'${region}' is the ${as} it was only after a promote: start it without 'as'`,
    )
  }
  if (member.running) return
  if (outdated && as === undefined) await clone(cluster, [region])
  else await member.start(as)
}

/** Makes replicas anew from the primary. */
export async function clone(cluster: Cluster, regions: readonly string[]): Promise<void> {
  const targets = regions.map((region) => cluster.member(region))
  for (const { region } of targets) {
    if (region === cluster.primaryRegion)
      throw new LabError(`'${region}' has the primary: it is what is cloned`)
  }
  const source = cluster.primary
  if (!source.running || source.hung) {
    throw new LabError(`The primary in '${source.region}' is not up to be cloned: start it first`)
  }
  await cluster.engine.clone(source, targets)
  for (const region of regions) {
    cluster.outdated.delete(region)
    cluster.frozen.delete(region)
    cluster.slow.delete(region)
  }
}

/**
 * Ends the replication of members that cannot answer. A primary that stops waits until all connected standbys have its
 * last byte, so these would hold it up until wal_sender_timeout (60 s).
 */
export function abandonUnreachable(cluster: Cluster, proxies: Proxies): void {
  for (const [region, { replication }] of proxies) {
    const cut = cluster.wan.isCut(region) || cluster.wan.isCut(cluster.primaryRegion)
    if (region !== cluster.primaryRegion && (cut || cluster.member(region).hung)) {
      replication.dropConnections()
    }
  }
}

/** Replicas that received more than the one to be promoted: they cannot follow it, as part of theirs never happened. */
async function membersAheadOf(cluster: Cluster, region: string): Promise<string[]> {
  const mine = await receivedBytes(cluster, region)
  const others = cluster.replicas().filter((member) => member.region !== region && !member.hung)
  const received = await Promise.all(others.map((other) => receivedBytes(cluster, other.region)))
  return others.flatMap(({ region: other }, index) =>
    (received[index] ?? 0n) > mine ? [other] : [],
  )
}

function receivedBytes(cluster: Cluster, region: string): Promise<bigint> {
  return cluster.connect(region, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      `select pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::text as bytes`,
    )
    return BigInt(rows[0]?.bytes ?? 0)
  })
}
