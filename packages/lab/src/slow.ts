import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import { LabError } from './lab-error.js'

const RELOAD_TIMEOUT_MS = 10_000
const POLL_MS = 5
/** Above it, freezing, catching up and promoting would run into the lab's own limits of 10 s. */
const MAX_DELAY_MS = 8_000

/** Lets a replica replay each commit so much later than it happened; 0 ends it. */
export async function slow(cluster: Cluster, region: string, delayMs: number): Promise<void> {
  if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > MAX_DELAY_MS) {
    throw new LabError(`A replica is slow by 0 to ${MAX_DELAY_MS} ms in whole ms, not ${delayMs}`)
  }
  cluster.runningReplica(region)
  await cluster.connect(region, async (client) => {
    await client.query(`alter system set recovery_min_apply_delay = ${delayMs}`)
    await client.query('select pg_reload_conf()')
    // The postmaster tells all its processes at once, so the startup process, which replays, has heard of it too.
    const sql = `select setting::int as ms from pg_settings where name = 'recovery_min_apply_delay'`
    for (const deadline = performance.now() + RELOAD_TIMEOUT_MS; performance.now() < deadline; ) {
      const { rows } = await client.query<{ ms: number }>(sql)
      if (rows[0]?.ms === delayMs) return
      await sleep(POLL_MS)
    }
    throw new LabError(`'${region}' did not take its delay within ${RELOAD_TIMEOUT_MS} ms`)
  })
  if (delayMs === 0) cluster.slow.delete(region)
  else cluster.slow.set(region, delayMs)
}
