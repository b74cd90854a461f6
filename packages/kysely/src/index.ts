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
  FlybackDialectConfig,
  FlybackPool,
  HandleConfig,
  PairConfig,
  PoolConfig,
} from './config.js'
export { FlybackDialect } from './flyback-dialect.js'
export { FlybackKysely } from './flyback-kysely.js'
export { withPrimary } from './with-primary.js'
