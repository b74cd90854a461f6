import driver from 'postgres'
import { createPostgres, type NoTypes, type Postgres } from './create-postgres.js'

/** A drop-in for postgres.js: reads on the replica beside it, refused writes as ReplayRequired. */
const postgres: Postgres = createPostgres(driver)

/** `any`, where the driver's own types have it for a default. */
type Anything = ReturnType<typeof JSON.parse>

/** The driver's own types, under the names they have there: `postgres.Row`, `postgres.TransactionSql`, ... */
declare namespace postgres {
  export type ArrayParameter<T extends readonly unknown[] = readonly Anything[]> =
    driver.ArrayParameter<T>
  export type AuthNotImplementedError = driver.AuthNotImplementedError
  export type Column<T extends string> = driver.Column<T>
  export type ColumnInfo = driver.ColumnInfo
  export type ColumnList<T> = driver.ColumnList<T>
  export type ConnectionError = driver.ConnectionError
  export type ConnectionParameters = driver.ConnectionParameters
  export type EscapableArray = driver.EscapableArray
  export type ExecutionResult<T> = driver.ExecutionResult<T>
  export type Fragment = driver.Fragment
  export type GenericError = driver.GenericError
  export type Helper<T, U extends readonly unknown[] = T[]> = driver.Helper<T, U>
  export type ISql<T extends Record<string, unknown> = NoTypes> = driver.ISql<T>
  export type JSONValue = driver.JSONValue
  export type LargeObject = driver.LargeObject
  export type ListenMeta = driver.ListenMeta
  export type ListenRequest = driver.ListenRequest
  export type MaybeRow = driver.MaybeRow
  export type NotSupportedError = driver.NotSupportedError
  export type Notice = driver.Notice
  export type Options<T extends Record<string, driver.PostgresType>> = driver.Options<T>
  export type Parameter<T = driver.SerializableParameter> = driver.Parameter<T>
  export type ParameterOrFragment<T> = driver.ParameterOrFragment<T>
  export type ParameterOrJSON<T> = driver.ParameterOrJSON<T>
  export type ParsedOptions<T extends Record<string, unknown> = NoTypes> = driver.ParsedOptions<T>
  export type PendingDescribeQuery = driver.PendingDescribeQuery
  export type PendingQuery<T extends readonly driver.MaybeRow[]> = driver.PendingQuery<T>
  export type PendingQueryModifiers<T extends readonly unknown[]> = driver.PendingQueryModifiers<T>
  export type PendingRawQuery<T extends readonly driver.MaybeRow[]> = driver.PendingRawQuery<T>
  export type PendingRequest = driver.PendingRequest
  export type PendingValuesQuery<T extends readonly driver.MaybeRow[]> =
    driver.PendingValuesQuery<T>
  export type PostgresError = driver.PostgresError
  export type PostgresType<T = Anything> = driver.PostgresType<T>
  export type RawRowList<T extends readonly unknown[]> = driver.RawRowList<T>
  export type RelationInfo = driver.RelationInfo
  export type ReplicationEvent = driver.ReplicationEvent
  export type ReservedSql<T extends Record<string, unknown> = NoTypes> = driver.ReservedSql<T>
  export type ResultMeta<T extends number | null> = driver.ResultMeta<T>
  export type ResultQueryMeta<T extends number | null, U> = driver.ResultQueryMeta<T, U>
  export type Row = driver.Row
  export type RowList<T extends readonly unknown[]> = driver.RowList<T>
  export type Serializable = driver.Serializable
  export type SerializableParameter<T = never> = driver.SerializableParameter<T>
  export type Sql<T extends Record<string, unknown> = NoTypes> = driver.Sql<T>
  export type State = driver.State
  export type Statement = driver.Statement
  export type SubscriptionHandle = driver.SubscriptionHandle
  export type TransactionSql<T extends Record<string, unknown> = NoTypes> = driver.TransactionSql<T>
  export type Transform = driver.Transform
  export type UnsafeQueryOptions = driver.UnsafeQueryOptions
  export type ValuesRowList<T extends readonly unknown[]> = driver.ValuesRowList<T>
}
// The default export is what it replaces.
export default postgres

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
export { createPostgres, type Options, type Postgres, type Sql } from './create-postgres.js'
