import type { TestDatabase } from '@flyback/testkit'
import { Pool, type PoolConfig } from '../src/index.js'

export { RECORDED_SCHEMA as SCHEMA } from '@flyback/testkit'

/** A pool as an app in this region would open it, and the number of connections it ever opened. */
export interface OpenPool extends AsyncDisposable {
  readonly pool: Pool
  opened(): number
}

/** Opens a Flyback pool in a region; it must have got all its clients back when the test ends. */
export function openPool(
  database: TestDatabase,
  region: string,
  config: PoolConfig = {},
): OpenPool {
  const { flyback, ...rest } = config
  const pool = new Pool({ ...rest, flyback: { env: database.env(region), ...flyback } })
  let opened = 0
  pool.on('connect', () => {
    opened++
  })
  return {
    pool,
    opened: () => opened,
    async [Symbol.asyncDispose]() {
      await settled(pool)
      const leaked = pool.totalCount - pool.idleCount
      await pool.end()
      if (leaked > 0) throw new Error(`${leaked} clients were never released`)
    },
  }
}

/** Waits for releases under way: a refused transaction is rolled back before its client is idle again. */
export async function settled(pool: Pool): Promise<void> {
  for (let turn = 0; turn < 100 && pool.totalCount > pool.idleCount; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export { failure, inRequest, openScope } from '@flyback/testkit'
