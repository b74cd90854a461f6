import type { FlybackOptions } from '@flyback/core'
import type { Dialect, PostgresDialectConfig, PostgresPool } from 'kysely'

/** A Pool of `@flyback/pg`, as far as Kysely needs it. */
export interface FlybackPool extends PostgresPool {
  readonly primary: PostgresPool
}

/** Kysely 0.29 passes an abort signal on, 0.28 nothing. */
export type MakePoolArgs = Parameters<
  Extract<PostgresDialectConfig['pool'], (...args: never[]) => unknown>
>

/** A pool of `@flyback/pg`, with the options of Kysely's own PostgresDialect: `cursor`, `onCreateConnection`, ... */
export interface PoolConfig extends Omit<PostgresDialectConfig, 'pool'> {
  /** A Pool of `@flyback/pg`, or a function that makes one when it is first needed. */
  readonly pool: FlybackPool | ((...args: MakePoolArgs) => Promise<FlybackPool>)
  /** Flyback's own options are given to the pool. */
  readonly flyback?: never
}

/** Any handle of Flyback's that has `.primary` (the `sql` of `@flyback/postgres`, a pool), and a dialect for it. */
export interface HandleConfig<Handle extends object> {
  readonly over: Handle & { readonly primary: Handle }
  /** Makes the dialect over a handle. Called for the handle itself, and for its `primary`. */
  readonly dialect: (handle: Handle) => Dialect
  /** Flyback's own options are given to the handle. */
  readonly flyback?: never
}

/** Two Postgres dialects that know nothing of Flyback. */
export interface PairConfig {
  /** Leads to the writer endpoint. */
  readonly writer: Dialect
  /** Leads to the member in this region. Used in the role `replica` only. */
  readonly replica: Dialect
  readonly flyback?: Omit<FlybackOptions, 'replicaUrl' | 'rewriteLoopback'> | undefined
  /**
   * Names the database: dialects and pools with the same name share what a scope knows of it.
   *
   * @default the host and port of `DATABASE_URL`
   */
  readonly cluster?: string | undefined
}

export type FlybackDialectConfig<Handle extends object> =
  | PoolConfig
  | HandleConfig<Handle>
  | PairConfig
