import type { World } from './world.ts'

const TIMEOUT_MS = 2000
const KILL = `select pg_terminate_backend(pid) from pg_stat_activity
where pid = $1 and wait_event = 'SyncRep'`

/** Ends a backend that waits in its COMMIT: what it did is committed, and its client is not told. */
export async function killCommitting(world: World, backend: number): Promise<void> {
  const { lab } = world
  const untilMs = performance.now() + TIMEOUT_MS
  while (performance.now() < untilMs) {
    for (const region of lab.regions.filter((name) => lab.member(name).running)) {
      const killed = await world.query(region, KILL, [backend]).catch(() => undefined)
      if (killed !== undefined && killed.rows.length > 0) return
    }
  }
}
