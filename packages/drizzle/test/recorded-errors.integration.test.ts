import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import { recordedErrors } from './suites/recorded-errors.js'
import { schema } from './support.js'

recordedErrors('drizzle-0.45.4', async (url) => {
  // A client, not a pool: Drizzle leaks one of a pool at each BEGIN that fails.
  const client = new pg.Client(url)
  await client.connect()
  return { db: drizzleNodePostgres({ client, schema }), end: () => client.end() }
})

recordedErrors('drizzle-0.45.4-postgres-js', (url) => {
  const client = postgres(url, { max: 1 })
  return Promise.resolve({ db: drizzlePostgresJs({ client, schema }), end: () => client.end() })
})
