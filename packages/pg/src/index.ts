import pg from 'pg'
import {
  type ClientConstructor,
  type Client as ClientInterface,
  createClientClass,
} from './create-client-class.js'
import {
  createPoolClass,
  type PoolConstructor,
  type Pool as PoolInterface,
} from './create-pool-class.js'

/** A drop-in for pg's Pool: reads on the replica beside it, refused writes as ReplayRequired. */
export const Pool: PoolConstructor = createPoolClass(pg)
export type Pool = PoolInterface

/** A drop-in for pg's Client. */
export const Client: ClientConstructor = createClientClass(pg)
export type Client = ClientInterface

export {
  ConfigurationError,
  type FlybackOptions,
  findReplayRequired,
  PrimaryUnavailable,
  ReplayRequired,
} from '@flyback/core'
export { requirePrimary, runOnPrimary } from '@flyback/core/scope'
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
export {
  DatabaseError,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  Query,
  Result,
  TypeOverrides,
  types,
} from 'pg'
export type { ClientConfig, PoolConfig } from './config.js'
export { type ClientConstructor, createClientClass } from './create-client-class.js'
export { createPoolClass, type PgLike, type PoolConstructor } from './create-pool-class.js'
