import postgres from '@flyback/postgres'
import { drizzle as plainDrizzle } from 'drizzle-orm/postgres-js'
import plainPostgres from 'postgres'
import { drizzle } from '../src/postgres-js.js'
import { type Fixture, schema } from './support.js'

/** Drizzle over postgres.js. */
export function postgresJs(oldest: boolean): Fixture {
  return {
    name: 'postgres-js',
    oldest,
    open(database, region, options = {}) {
      const { max = 4, flyback, ...config } = options
      const client = postgres({
        max,
        onnotice: () => {},
        flyback: { env: database.env(region), ...flyback },
      })
      const db = drizzle({ client, schema, casing: 'snake_case', ...config })
      return {
        db,
        opened: () => undefined,
        // It has no counters: a connection that is not back keeps the next statement, or the end, waiting.
        settled: () => Promise.resolve(),
        async [Symbol.asyncDispose]() {
          await client.end({ timeout: 5 })
        },
      }
    },
    openPlain(url) {
      const client = plainPostgres(url, { max: 1, onnotice: () => {} })
      const db = plainDrizzle({ client, schema, casing: 'snake_case' })
      return { db, end: () => client.end() }
    },
  }
}
