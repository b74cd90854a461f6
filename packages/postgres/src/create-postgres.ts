import { exposeRouting, type FlybackOptions } from '@flyback/core'
import type postgres from 'postgres'
import { type Driver, instance } from './driver-internals.js'
import { hidePassword } from './hide-password.js'
import { planConnections } from './plan-connections.js'
import { createRoutedSql } from './routed-sql.js'

/** Without the option `types`; the driver writes `{}`. */
export type NoTypes = ReturnType<Driver> extends postgres.Sql<infer T> ? T : never

/** The driver's sql function, and `primary`. */
export type Sql<TTypes extends Record<string, unknown> = NoTypes> = postgres.Sql<TTypes> & {
  /**
   * The same on the writer endpoint. Using it in a replica region makes the scope `forwarding`.
   * In the primary region, and with no regions known, it is the sql function itself.
   */
  readonly primary: postgres.Sql<TTypes>
}

/** The driver's options, and Flyback's under `flyback`. */
export type Options<T extends Record<string, postgres.PostgresType> = NoTypes> =
  postgres.Options<T> & {
    flyback?: FlybackOptions | undefined
  }

/** The types of values, from the option `types`; as the driver infers them. */
type TypesOf<T extends Record<string, postgres.PostgresType>> =
  Record<string, postgres.PostgresType> extends T
    ? NoTypes
    : {
        [type in keyof T]: T[type] extends {
          // The driver's own inference, with its `any`s made unknown where that infers the same.
          serialize: (value: infer R) => unknown
          parse: (raw: never) => infer R
        }
          ? R
          : never
      }

/** The driver's `postgres()`, with its statics. */
export interface Postgres extends Pick<Driver, keyof Driver> {
  /**
   * Opens a database, from a URL, options or both. With neither, and no `PGHOST`, it reads `DATABASE_URL`.
   *
   * @throws ConfigurationError naming the option or variable that cannot be used
   * @example
   * const sql = postgres()
   * const posts = await sql`select title from post`
   */
  <T extends Record<string, postgres.PostgresType> = NoTypes>(options?: Options<T>): Sql<TypesOf<T>>
  <T extends Record<string, postgres.PostgresType> = NoTypes>(
    url: string,
    options?: Options<T>,
  ): Sql<TypesOf<T>>
}

/**
 * Makes `postgres()` from a copy of postgres.js, for when another package brings its own.
 *
 * @example
 * import driver from 'some-package/node_modules/postgres'
 * const postgres = createPostgres(driver)
 */
export function createPostgres(driver: Driver): Postgres {
  function postgres(first?: unknown, second?: unknown): Sql {
    const { driverArguments, hidden, routed } = planConnections(first, second)
    const sql =
      routed === undefined ? alone(hidden, driverArguments) : createRoutedSql(driver, routed)
    // Built from the driver's own, property for property; the differential suite checks the behaviour.
    return sql as unknown as Sql
  }

  function alone(hidden: boolean, args: readonly unknown[]): object {
    const sql = instance(driver, ...args)
    if (hidden) for (const { options } of [sql, sql.subscribe.sql]) hidePassword(options)
    exposeRouting(sql, undefined)
    return Object.defineProperty(sql, 'primary', { value: sql })
  }
  return Object.assign(postgres, driver) as Postgres
}
