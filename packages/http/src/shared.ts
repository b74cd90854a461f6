export {
  type FlybackEvents,
  type ForwardReason,
  findReplayRequired,
  type MemberRole,
  observe,
  type PrimaryUnavailableEvent,
  type RefusalEvent,
  ReplayRequired,
  type RequestEnded,
  type RequestOutcome,
  type RequestReason,
  type RequestStarted,
  type RetryEvent,
  type RetryReason,
  type StatementEnded,
  type StatementOutcome,
  type StatementReason,
  type StatementStarted,
} from '@flyback/core'
export { requirePrimary, runOnPrimary } from '@flyback/core/scope'
export type { FlybackOptions } from './options.js'
export { type FlyOptions, fly } from './platform/fly.js'
export { type HttpProxyOptions, httpProxy } from './platform/http-proxy.js'
export type {
  CarriedRequest,
  CarryingPlatform,
  HeaderPlatform,
  ReadHeader,
  ReplayCause,
  ReplayOrder,
  ReplayOrigin,
  ReplayPlatform,
} from './platform/replay-platform.js'
export type { Policy, RouteRule } from './policy.js'
