import { AsyncLocalStorage } from 'node:async_hooks'
import { Pool } from '@flyback/pg'

const pool = new Pool({ max: 2 })
const region = process.env['FLY_REGION'] ?? 'none'
const outsideOfRequests = AsyncLocalStorage.snapshot()

/** Reads where this process runs. */
export async function read(): Promise<string> {
  const { rows } = await pool.query('select pg_is_in_recovery() as standby')
  return `${region}, a standby: ${rows[0]?.standby}`
}

/** Leaves the effect that a request asks for in its query, and says where. */
export async function write(url: URL): Promise<string> {
  const id = url.searchParams.get('id')
  await pool.query('insert into effect (id, region) values ($1, $2)', [id, region])
  return region
}

/** The same, by a library that loses the async context: it sends what all requests want from a queue of its own. */
export function writeLost(url: URL): Promise<string> {
  return outsideOfRequests(write, url)
}
