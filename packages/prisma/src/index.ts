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
export type { PoolConfig } from '@flyback/pg'
export {
  type FlybackExtension,
  type FlybackExtensionArgs,
  flybackExtension,
} from './flyback-extension.js'
export { PrismaFlyback, type PrismaFlybackOptions } from './prisma-flyback.js'
export type { DriverAdapter } from './route-adapter.js'
