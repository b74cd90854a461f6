import postgres, { type Options, type Sql } from '@flyback/postgres'
import { type PostgresJsDatabase, drizzle as upstream } from 'drizzle-orm/postgres-js'
import type { Sql as DriverSql, PostgresType } from 'postgres'
import {
  createDatabase,
  type DatabaseConfig,
  type Driver,
  type OnPrimary,
  type PrimaryClient,
  withFlyback,
} from './create-database.js'

/** What {@link drizzle} makes: Drizzle's own database, and `$primary`. */
export type FlybackPostgresJsDatabase<
  TSchema extends Record<string, unknown> = Record<string, never>,
  TClient extends DriverSql = Sql,
> = PostgresJsDatabase<TSchema> & { $client: TClient } & OnPrimary<
    PostgresJsDatabase<TSchema> & { $client: PrimaryClient<TClient> }
  >

/** A URL, or the options of postgres.js, which may have one in them. */
type Connection = string | ({ url?: string } & Options<Record<string, PostgresType>>)

/** Not one of ours. */
type PlainSql = DriverSql & { readonly primary?: undefined }

/** Drizzle's `drizzle()` with all its forms; without a database, the one that the environment names. */
interface DrizzleFunction {
  // TypeScript infers a client from a URL, too: the driver's. It is ours.
  <TSchema extends Record<string, unknown> = Record<string, never>>(
    ...params:
      | []
      | [string]
      | [string, DatabaseConfig<TSchema>]
      | [DatabaseConfig<TSchema> & { connection?: Connection | undefined; client?: undefined }]
  ): FlybackPostgresJsDatabase<TSchema>
  // With the schema as the one type argument, a client of the driver's is Drizzle's own default for the other.
  <TSchema extends Record<string, unknown> = Record<string, never>>(
    ...params:
      | [PlainSql]
      | [PlainSql, DatabaseConfig<TSchema>]
      | [DatabaseConfig<TSchema> & { client: PlainSql }]
  ): FlybackPostgresJsDatabase<TSchema, DriverSql>
  <
    TSchema extends Record<string, unknown> = Record<string, never>,
    TClient extends DriverSql = Sql,
  >(
    ...params:
      | [TClient | string]
      | [TClient | string, DatabaseConfig<TSchema>]
      | [DatabaseConfig<TSchema> & ({ client: TClient } | { connection: Connection })]
  ): FlybackPostgresJsDatabase<TSchema, TClient>
}

const driver: Driver<DriverSql> = {
  open(connection, flyback) {
    if (typeof connection === 'string') return postgres(connection, withFlyback(undefined, flyback))
    // What is neither a URL nor an object of options is nothing postgres.js could use.
    const { url, ...options } = Object(connection) as Exclude<Connection, string>
    return url === undefined
      ? postgres(withFlyback(options, flyback))
      : postgres(url, withFlyback(options, flyback))
  },
  build: upstream,
  buildNamed: (client, config) => upstream({ ...config, client }),
  forSession: (client) => client,
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

export * from 'drizzle-orm/postgres-js'
export * from './flyback.js'
