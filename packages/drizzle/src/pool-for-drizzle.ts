import type pg from 'pg'
import { override } from './override.js'

/**
 * A pool as Drizzle's session gets it: a checkout whose first statement fails is released. Drizzle checks clients out
 * for transactions only, their first statement is the BEGIN, and it is sent outside the `try` that releases.
 *
 * @see https://github.com/drizzle-team/drizzle-orm/issues/6023 (0.35 to 0.45, read 2026-11-25)
 */
export function poolForDrizzle<P extends pg.Pool>(pool: P): P {
  return override(pool, {
    connect: async () => releaseFailedBegin(await pool.connect()),
  })
}

function releaseFailedBegin(client: pg.PoolClient): pg.PoolClient {
  let begun = false
  return override(client, {
    async query(...args: never[]): Promise<unknown> {
      const isBegin = !begun
      begun = true
      try {
        return await Reflect.apply(client.query, client, args)
      } catch (error) {
        // As pool.query does: our pool keeps the connection when the error is a refusal, and ends it otherwise.
        if (isBegin) client.release(error instanceof Error ? error : true)
        throw error
      }
    },
  })
}
