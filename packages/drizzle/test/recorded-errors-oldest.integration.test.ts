import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { vi } from 'vitest'
import { recordedErrors } from './suites/recorded-errors.js'
import { schema } from './support.js'

vi.mock('drizzle-orm', () => import('drizzle-oldest'))
vi.mock('drizzle-orm/pg-core', () => import('drizzle-oldest/pg-core'))
vi.mock('drizzle-orm/node-postgres', () => import('drizzle-oldest/node-postgres'))

recordedErrors('drizzle-0.35.0', async (url) => {
  const client = new pg.Client(url)
  await client.connect()
  return { db: drizzle({ client, schema }), end: () => client.end() }
})
