import { Pool } from '@flyback/pg'
import {
  type NodePgClient,
  type NodePgDatabase,
  drizzle as upstream,
} from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import {
  createDatabase,
  type DatabaseConfig,
  type Driver,
  type OnPrimary,
  type PrimaryClient,
  withFlyback,
} from './create-database.js'
import { poolForDrizzle } from './pool-for-drizzle.js'

/** What {@link drizzle} makes: Drizzle's own database, and `$primary`. */
export type FlybackNodePgDatabase<
  TSchema extends Record<string, unknown> = Record<string, never>,
  TClient extends NodePgClient = Pool,
> = NodePgDatabase<TSchema> & { $client: TClient } & OnPrimary<
    NodePgDatabase<TSchema> & { $client: PrimaryClient<TClient> }
  >

/** Not one of ours. */
type PlainPool = pg.Pool & { readonly primary?: undefined }

/** Drizzle's `drizzle()` with all its forms; without a database, the one that the environment names. */
interface DrizzleFunction {
  // TypeScript infers a client from a URL, too: the driver's. It is ours.
  <TSchema extends Record<string, unknown> = Record<string, never>>(
    ...params:
      | []
      | [string]
      | [string, DatabaseConfig<TSchema>]
      | [
          DatabaseConfig<TSchema> & {
            connection?: string | pg.PoolConfig | undefined
            client?: undefined
          },
        ]
  ): FlybackNodePgDatabase<TSchema>
  // With the schema as the one type argument, a pool of the driver's is Drizzle's own default for the other.
  <TSchema extends Record<string, unknown> = Record<string, never>>(
    ...params:
      | [PlainPool]
      | [PlainPool, DatabaseConfig<TSchema>]
      | [DatabaseConfig<TSchema> & { client: PlainPool }]
  ): FlybackNodePgDatabase<TSchema, pg.Pool>
  <
    TSchema extends Record<string, unknown> = Record<string, never>,
    TClient extends NodePgClient = Pool,
  >(
    ...params:
      | [TClient | string]
      | [TClient | string, DatabaseConfig<TSchema>]
      | [DatabaseConfig<TSchema> & ({ client: TClient } | { connection: string | pg.PoolConfig })]
  ): FlybackNodePgDatabase<TSchema, NodePgClient extends TClient ? pg.Pool : TClient>
}

const driver: Driver<NodePgClient> = {
  open(connection, flyback) {
    const config = typeof connection === 'string' ? { connectionString: connection } : connection
    // What is neither a URL nor an object of options is nothing pg could use.
    return new Pool(withFlyback(Object(config) as pg.PoolConfig, flyback))
  },
  build: upstream,
  buildNamed: (client, config) => upstream({ ...config, client }),
  forSession: (client) => ('totalCount' in client ? poolForDrizzle(client) : client),
}

const open = (...params: unknown[]): object => createDatabase(driver, params)

/**
 * A drop-in for Drizzle's `drizzle()`: reads on the replica beside it, refused writes as ReplayRequired.
 *
 * @throws ConfigurationError naming the option or variable at fault
 *
 * @example
 * const db = drizzle({ schema }) // on Fly.io: nothing to configure
 */
export const drizzle: DrizzleFunction & {
  /** Drizzle's own: a database without a client. */
  readonly mock: typeof upstream.mock
} = Object.assign(
  // It is what Drizzle makes for these parameters, and `$primary`.
  open as DrizzleFunction,
  { mock: upstream.mock },
)

export * from 'drizzle-orm/node-postgres'
export * from './flyback.js'
