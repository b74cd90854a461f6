export {
  type Consistency,
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
  type SessionConsistency,
  type StatementEnded,
  type StatementOutcome,
  type StatementReason,
  type StatementStarted,
} from '@flyback/core'
export {
  currentToken,
  markWrite,
  requirePrimary,
  runOnPrimary,
  withConsistency,
  withToken,
} from '@flyback/core/scope'
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
export { type CookieTokenOptions, cookieToken } from './token/cookie-token.js'
export { type HeaderTokenOptions, headerToken } from './token/header-token.js'
export { type StoredTokenOptions, storedToken } from './token/stored-token.js'
export type { CarriedToken, HeaderLine, TokenCarrier, TokenRequest } from './token/token-carrier.js'
