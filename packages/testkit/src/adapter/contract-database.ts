import type { Lab, LabDatabase } from '@flyback/lab'
import pg from 'pg'
import type { TestDatabase } from '../shared-lab.js'
import type { Row } from './adapter-under-test.js'
import type { ContractDatabase } from './bench.js'

/** Looks into a member on a connection of its own, which may write although the default of the database forbids it. */
async function look<R extends Row>(
  url: string,
  sql: string,
  params: readonly unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'flyback-testkit',
    options: '-c default_transaction_read_only=off',
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<R>(sql, [...params])).rows
  } finally {
    await client.end()
  }
}

/** A database of the shared lab. */
export function inSharedLab(
  database: TestDatabase,
  caughtUp: () => Promise<void>,
): ContractDatabase {
  return {
    env: (region) => database.env(region),
    url: (region, endpoint) => database.url(region, endpoint),
    query: (region, sql, params) => look(database.url(region, 'replica'), sql, params),
    caughtUp,
  }
}

/** A database of a lab of one's own. */
export function inOwnLab(lab: Lab, database: LabDatabase): ContractDatabase {
  return {
    env: (region) => lab.env(region, { database: database.name }),
    url: (region, endpoint) => database.url(region, endpoint),
    query: (region, sql, params) => look(database.url(region, 'replica'), sql, params),
    caughtUp: () => lab.caughtUp(),
  }
}
