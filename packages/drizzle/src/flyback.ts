export {
  ConfigurationError,
  type FlybackOptions,
  findReplayRequired,
  PrimaryUnavailable,
  ReplayRequired,
} from '@flyback/core'
export { requirePrimary, runOnPrimary } from '@flyback/core/scope'
export type { DatabaseConfig, OnPrimary, PrimaryClient } from './create-database.js'
