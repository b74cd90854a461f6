import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import type { Lag } from './lab.js'
import { LabError } from './lab-error.js'

const CATCH_UP_TIMEOUT_MS = 10_000
const POLL_MS = 5

/** Waits for one replica, or for all that can catch up, to replay what the primary has flushed now. */
export async function caughtUp(cluster: Cluster, region?: string): Promise<void> {
  if (region !== undefined) {
    if (region === cluster.primaryRegion) return
    cluster.runningReplica(region)
    const why = cluster.heldBack(region)
    if (why !== undefined) throw new LabError(`'${region}' cannot catch up, ${why}`)
  }
  const regions =
    region === undefined
      ? cluster
          .replicas()
          .map((member) => member.region)
          .filter((name) => cluster.heldBack(name) === undefined)
      : [region]
  if (regions.length === 0) return
  const target = await flushedPosition(cluster)
  await Promise.all(regions.map((name) => replayed(cluster, name, target)))
}

/** How far a replica is behind. */
export async function lag(cluster: Cluster, region: string): Promise<Lag> {
  if (cluster.member(region).region === cluster.primaryRegion) return { bytes: 0, milliseconds: 0 }
  cluster.runningReplica(region)
  if (cluster.outdated.has(region)) {
    throw new LabError(`'${region}' has no lag, its history has ended: clone('${region}') first`)
  }
  const flushed = await flushedPosition(cluster)
  return cluster.connect(region, async (client) => {
    const { rows } = await client.query<{ bytes: string; milliseconds: number | null }>(
      `select greatest(0, pg_wal_lsn_diff($1, pg_last_wal_replay_lsn()))::text as bytes,
        extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000 as milliseconds`,
      [flushed],
    )
    const bytes = Number(rows[0]?.bytes ?? 0)
    return { bytes, milliseconds: bytes === 0 ? 0 : (rows[0]?.milliseconds ?? null) }
  })
}

/** The position up to which the primary's log is on disk. */
function flushedPosition(cluster: Cluster): Promise<string> {
  return cluster.connect(cluster.primaryRegion, async (client) => {
    const { rows } = await client.query<{ lsn: string }>(
      'select pg_current_wal_flush_lsn()::text as lsn',
    )
    return rows[0]?.lsn ?? '0/0'
  })
}

async function replayed(cluster: Cluster, region: string, position: string): Promise<void> {
  await cluster.connect(region, async (client) => {
    const sql = 'select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) as reached'
    for (const deadline = performance.now() + CATCH_UP_TIMEOUT_MS; performance.now() < deadline; ) {
      const { rows } = await client.query<{ reached: boolean }>(sql, [position])
      if (rows[0]?.reached === true) return
      await sleep(POLL_MS)
    }
    throw new LabError(
      `The replica in '${region}' has not caught up within ${CATCH_UP_TIMEOUT_MS} ms: see its log, or clone it anew`,
    )
  })
}
