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
export type { DatabaseConfig, OnPrimary, PrimaryClient } from './create-database.js'
