import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import { LabError } from './lab-error.js'

const FREEZE_TIMEOUT_MS = 10_000
const POLL_MS = 5

/** Pauses replay; resolves when nothing is replayed any more. */
export async function freeze(cluster: Cluster, region: string): Promise<void> {
  cluster.runningReplica(region)
  await cluster.connect(region, async (client) => {
    await client.query('select pg_wal_replay_pause()')
    const sql = 'select pg_get_wal_replay_pause_state() as state'
    for (const deadline = performance.now() + FREEZE_TIMEOUT_MS; performance.now() < deadline; ) {
      const { rows } = await client.query<{ state: string }>(sql)
      if (rows[0]?.state === 'paused') return
      await sleep(POLL_MS)
    }
    throw new LabError(`Replay in '${region}' did not pause within ${FREEZE_TIMEOUT_MS} ms`)
  })
  cluster.frozen.add(region)
}

/** Lets replay go on. */
export async function resume(cluster: Cluster, region: string): Promise<void> {
  cluster.runningReplica(region)
  await cluster.connect(region, (client) => client.query('select pg_wal_replay_resume()'))
  cluster.frozen.delete(region)
}
