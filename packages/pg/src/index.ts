import pg from 'pg'

export {
  CommitUnknown,
  ConfigurationError,
  type FlybackOptions,
  findReplayRequired,
  PrimaryUnavailable,
  ReplayRequired,
} from '@flyback/core'
export {
  currentToken,
  markWrite,
  requirePrimary,
  runOnPrimary,
  withConsistency,
  withToken,
} from '@flyback/core/scope'
export type {
  PoolClient,
  PoolOptions,
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryResult,
  QueryResultRow,
  Submittable,
} from 'pg'
// Before 8.15 pg is a CommonJS module whose names Node cannot see, so what it exports is read off its default export.
export const DatabaseError: typeof pg.DatabaseError = pg.DatabaseError
export type DatabaseError = pg.DatabaseError
export const Query: typeof pg.Query = pg.Query
export type Query = pg.Query
export const Result: typeof pg.Result = pg.Result
export type Result = pg.Result
export const TypeOverrides: typeof pg.TypeOverrides = pg.TypeOverrides
export type TypeOverrides = pg.TypeOverrides
export const defaults: typeof pg.defaults = pg.defaults
export const escapeIdentifier: typeof pg.escapeIdentifier = pg.escapeIdentifier
export const escapeLiteral: typeof pg.escapeLiteral = pg.escapeLiteral
export const types: typeof pg.types = pg.types
export { Client } from './client.js'
export type { ClientConfig, PoolConfig } from './config.js'
export { type ClientConstructor, createClientClass } from './create-client-class.js'
export { createPoolClass, type PgLike, type PoolConstructor } from './create-pool-class.js'
export { Pool } from './pool.js'
