import pg from 'pg'
import type { Credentials } from './engine/engine.js'
import type { Address } from './network/wan.js'

export interface ConnectOptions {
  /** @default 'postgres' */
  readonly database?: string
  /** For the connection and for each statement. @default 10000 */
  readonly timeoutMs?: number
}

/** Opens one connection straight to a member, as nobody in a region could: no proxy, no distance, no cut. */
export async function withClient<T>(
  address: Address,
  credentials: Credentials,
  use: (client: pg.Client) => Promise<T>,
  options: ConnectOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    user: credentials.user,
    password: credentials.password,
    database: options.database ?? 'postgres',
    application_name: 'flyback-lab',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    ssl: false,
  })
  // A fault may end an idle connection; the next query then says so.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
