import { routingOf } from '@flyback/core'
import { Pool } from '@flyback/pg'
import { drizzle as plainDrizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { drizzle } from '../src/node-postgres.js'
import { type Fixture, schema, until } from './support.js'

/** Drizzle over node-postgres, on a pool that must get all its clients back. */
export function nodePostgres(oldest: boolean): Fixture {
  return {
    name: 'node-postgres',
    oldest,
    open(database, region, options = {}) {
      const { max = 4, flyback, ...config } = options
      const pool = new Pool({ max, flyback: { env: database.env(region), ...flyback } })
      let opened = 0
      pool.on('connect', () => opened++)
      if (routingOf(pool) === undefined) survive(pool)
      const db = drizzle({ client: pool, schema, casing: 'snake_case', ...config })
      const pools = () => (pool.primary === pool ? [pool] : [pool, pool.primary])
      const settled = async (): Promise<void> => {
        const back = await until(() => pools().every((p) => p.totalCount === p.idleCount))
        if (!back) throw new Error('a client was never released')
      }
      return {
        db,
        opened: () => opened,
        settled,
        async [Symbol.asyncDispose]() {
          try {
            await settled()
          } finally {
            // A leaked client would keep the end waiting.
            void pool.end()
          }
        },
      }
    },
    openPlain(url) {
      const pool = new pg.Pool({ connectionString: url, max: 1 })
      survive(pool)
      const db = plainDrizzle({ client: pool, schema, casing: 'snake_case' })
      return { db, end: () => pool.end() }
    },
  }
}

/** With pg alone, a backend that dies while nobody listens ends the process, and the database of a test is dropped. */
function survive(pool: pg.Pool): void {
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
}
