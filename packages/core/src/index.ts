export {
  type Deployment,
  detectDeployment,
  type Environment,
  type Role,
  readVariable,
} from './deployment/detect-deployment.js'
export { type Address, type DerivedEndpoints, deriveEndpoints } from './deployment/host-rules.js'
export {
  type ConnectionFields,
  type DatabaseSource,
  locateDatabase,
  type Target,
  type Targets,
  targetEndpoints,
} from './deployment/locate-database.js'
export { type Notice, tellNotices } from './deployment/notice.js'
export { type PrimaryLocator, staticPrimary } from './deployment/primary-locator.js'
export {
  clusterKey,
  type Endpoint,
  type Endpoints,
  type ResolveOptions,
  resolveEndpoints,
} from './deployment/resolve-endpoints.js'
export type { Server, Servers } from './deployment/server.js'
export { isObserved, publish } from './diagnostics/channels.js'
export type {
  FlybackEvents,
  ForwardReason,
  MemberRole,
  PrimaryUnavailableEvent,
  RefusalEvent,
  RequestEnded,
  RequestOutcome,
  RequestReason,
  RequestStarted,
  RetryEvent,
  RetryReason,
  StatementEnded,
  StatementOutcome,
  StatementReason,
  StatementStarted,
} from './diagnostics/flyback-events.js'
export { observe } from './diagnostics/observe.js'
export type { ToldStatement } from './diagnostics/tell-statement.js'
export { classifyError, type ErrorVerdict } from './errors/classify-error.js'
export { CommitUnknown, isCommitUnknown } from './errors/commit-unknown.js'
export { ConfigurationError } from './errors/configuration-error.js'
export { findReplayRequired } from './errors/find-replay-required.js'
export {
  isPrimaryUnavailable,
  PrimaryUnavailable,
  type PrimaryUnavailableReason,
} from './errors/primary-unavailable.js'
export {
  isReplayRequired,
  type ReplayReason,
  ReplayRequired,
  type ReplayRequiredOptions,
} from './errors/replay-required.js'
export { processWide } from './process-wide.js'
export { type Ask, acquireConnection, type ConnectionSource } from './routing/acquire-connection.js'
export { type Attempt, NO_RETRY } from './routing/attempt.js'
export {
  type ChooseInput,
  chooseEndpoint,
  type EndpointChoice,
  type Hint,
} from './routing/choose-endpoint.js'
export { Connection } from './routing/connection.js'
export {
  type ConnectionFacts,
  type EndpointName,
  isStandby,
  learnParameter,
  unknownFacts,
} from './routing/connection-facts.js'
export { decide, type Row } from './routing/decision-table.js'
export { checkOptions, type FlybackOptions } from './routing/flyback-options.js'
export {
  type ConnectionInput,
  type ConnectionVerdict,
  judgeConnection,
} from './routing/judge-connection.js'
export {
  type ErrorInput,
  type ErrorOutcome,
  judgeError,
  type ReplicaDownPolicy,
} from './routing/judge-error.js'
export { createLink, type Link } from './routing/link.js'
export { originOf } from './routing/origin-of.js'
export { refusalBeforeSending } from './routing/refusal-before-sending.js'
export {
  createRouter,
  type Failure,
  type Remedy,
  type Router,
  type RouterOptions,
} from './routing/router.js'
export {
  createRouting,
  exposeRouting,
  hasRouting,
  type Routing,
  routingOf,
  type Settings,
} from './routing/routing.js'
export { endsTransaction, isCommit, rollsBack, takesAdvisoryLock } from './routing/statement.js'
export type { OpenWork, Pending, Reclaimable } from './scope/open-work.js'
export type { ScopeOptions } from './scope/scope-options.js'
export { Scope } from './scope/scope-state.js'
export type { ScopeState, ScopeView } from './scope/scope-view.js'
export {
  type Consistency,
  type ConsistencyRules,
  readConsistency,
  type SessionConsistency,
} from './tokens/consistency.js'
export { type Place, takePlace } from './tokens/fallbacks.js'
export { findKnownStale, type StaleEndpoint } from './tokens/known-stale.js'
export type { ScopeTokens } from './tokens/scope-tokens.js'
export { isContained, type Pin, type Position, type TokenEntry } from './tokens/token.js'
export { parseEntry, parseToken, printEntry, printToken } from './tokens/token-text.js'
