export {
  findReplayRequired,
  ReplayRequired,
} from '@flyback/core'
export { requirePrimary, runOnPrimary } from '@flyback/core/scope'
export type { FlybackOptions } from './options.js'
export { type FlyOptions, fly } from './platform/fly.js'
export type {
  ReadHeader,
  ReplayCause,
  ReplayOrder,
  ReplayOrigin,
  ReplayPlatform,
} from './platform/replay-platform.js'
export type { Policy, RouteRule } from './policy.js'
