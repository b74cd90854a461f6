import type { Role } from '../deployment/detect-deployment.js'
import type { PrimaryUnavailableReason } from '../errors/primary-unavailable.js'
import type { ReplayReason } from '../errors/replay-required.js'
import type { EndpointName } from '../routing/connection-facts.js'

/** What a member of the cluster is: the one that takes writes, or one that follows it. */
export type MemberRole = 'primary' | 'replica'

/**
 * Why work in a replica region goes to the primary over the writer endpoint.
 *
 * - `policy`: the request's policy is `forward`
 * - `no-platform`: nothing is there that could replay the request
 * - `came-back`: the loop guard: the request was replayed before, or could not be
 * - `too-large`: its body is over the limit of the platform
 * - `asked`: the app asked for the primary (`runOnPrimary`, `requirePrimary`, `pool.primary` and its kind)
 * - `write`: a write, in a request that could not be replayed from its start
 * - `no-replica`: no replica endpoint is known for this region
 * - `replica-down`: the replica could not be reached
 * - `recovery-conflict`: the replica cancelled the statement twice
 * - `promoted`: the member beside us is the primary now
 * - `stale`: the replica has not replayed, in time, what the client has seen
 * - `strong`: the read must have seen everything
 */
export type ForwardReason =
  | 'policy'
  | 'no-platform'
  | 'came-back'
  | 'too-large'
  | 'asked'
  | 'write'
  | 'no-replica'
  | 'replica-down'
  | 'recovery-conflict'
  | 'promoted'
  | 'stale'
  | 'strong'

/**
 * Where a request was handled.
 *
 * - `served`: here, and no statement left for another region
 * - `forwarded`: here, with its statements on the primary over the writer endpoint
 * - `replayed`: it runs again in the primary region
 * - `refused`: answered with 503 or 413, its handler never ran
 * - `broken`: a write was refused after the headers were out, so the response was cut off
 * - `abandoned`: the client went away before it was decided
 */
export type RequestOutcome =
  | 'served'
  | 'forwarded'
  | 'replayed'
  | 'refused'
  | 'broken'
  | 'abandoned'

/**
 * Why: the first word that applies.
 *
 * - `primary-region`: this is the primary region
 * - `local`: nothing needed the primary
 * - `method`, `route`: replayed before its handler ran, by its method or by a rule of the app
 * - a {@link ForwardReason}: forwarded, or refused (`came-back`, `too-large`)
 * - a {@link ReplayReason}: replayed because of a refusal, or broken by one
 * - `busy`, `old-timeline`: refused, because the primary could not serve what the replica lacks
 * - `aborted`: nobody is left to answer
 */
export type RequestReason =
  | 'primary-region'
  | 'local'
  | 'method'
  | 'route'
  | ForwardReason
  | ReplayReason
  | 'busy'
  | 'old-timeline'
  | 'aborted'

/** `flyback:request:start`. The object of the same request's end, which has more fields by then. */
export interface RequestStarted {
  /** Where this process runs. */
  readonly region: string | undefined
  readonly primaryRegion: string | undefined
  readonly role: Role
  readonly method: string
  /** As the client sent it, without the query string. */
  readonly path: string
  readonly policy: 'replay' | 'attempt' | 'forward'
  /** Who decided the policy: a rule of the app, or the method alone. */
  readonly policyBy: 'route' | 'method'
  /** What the platform said of where the request came from. A client may have forged it. */
  readonly origin: {
    /** Flyback replayed it before, in some region. */
    readonly replayed: boolean
    /** The platform routed it by a remembered replay. */
    readonly cached: boolean
    /** A replay found no machine. */
    readonly failed: boolean
  }
}

/** `flyback:request:end`. */
export interface RequestEnded extends RequestStarted {
  /** The pattern the framework matched, where Flyback can see it: `/users/:id`. */
  readonly route: string | undefined
  readonly outcome: RequestOutcome
  readonly reason: RequestReason
  /** Which members answered statements of this request. */
  readonly answeredBy: 'none' | MemberRole | 'both'
  /** Of the answer sent from here; `undefined` when none was begun. */
  readonly status: number | undefined
  /** Whether the answer went out to its end. */
  readonly completed: boolean
  readonly durationMs: number
}

/**
 * Why a statement went where it went.
 *
 * - `local`: to the replica beside us
 * - `primary-region`: the primary is in this region
 * - a {@link ForwardReason}: the first that sent its request's work to the writer
 * - `unscoped`: to the writer, outside of any request: asked for, or because the replica could not serve
 */
export type StatementReason = 'local' | 'primary-region' | 'unscoped' | ForwardReason

/**
 * - `answered`: the server did what it was asked
 * - `failed`: the driver's own error
 * - `refused`: ReplayRequired
 * - `retried`: it failed and runs again, which is a statement of its own
 * - `primary-unavailable`: PrimaryUnavailable
 */
export type StatementOutcome = 'answered' | 'failed' | 'refused' | 'retried' | 'primary-unavailable'

/** `flyback:statement:start`: a statement goes out. The object of the same statement's end. */
export interface StatementStarted {
  /** The object of its request's own events. */
  readonly request: RequestStarted | undefined
  readonly endpoint: EndpointName
  readonly reason: StatementReason
  /** How often the same work was sent before. */
  readonly attempt: number
  readonly member: MemberRole
  /** Whether the server said what it is, or its endpoint is all that is known. */
  readonly memberBy: 'announced' | 'endpoint'
  /** Where the endpoint leads by configuration. */
  readonly serverAddress: string | undefined
  readonly serverPort: number | undefined
  readonly database: string | undefined
}

/** `flyback:statement:end`. Published once at most: never for a cursor that is left open, or a connection that is cut. */
export interface StatementEnded extends StatementStarted {
  readonly outcome: StatementOutcome
  /** The server's error code, if it answered with an error. */
  readonly sqlstate: string | undefined
  readonly durationMs: number
}

/** `flyback:refusal`: work met ReplayRequired. Once for each, not for each time it is thrown. */
export interface RefusalEvent {
  readonly request: RequestStarted | undefined
  readonly reason: ReplayReason
  /** Where the work belongs. */
  readonly region: string
  /** Whether the request can still run again there. */
  readonly replayable: boolean
}

/**
 * Why a failed statement runs again.
 *
 * - `replica-down`, `recovery-conflict`: what the replica, or the way to it, did
 * - `write`: the replica refused it, in a request that could not be replayed from its start
 * - `forwarding`: the replica refused it, and its request forwards by now
 */
export type RetryReason = 'replica-down' | 'recovery-conflict' | 'write' | 'forwarding'

/** `flyback:retry`: a statement failed, or found no connection, and runs again. */
export interface RetryEvent {
  readonly request: RequestStarted | undefined
  readonly reason: RetryReason
  readonly on: EndpointName
}

/** `flyback:primary-unavailable`: work met PrimaryUnavailable. */
export interface PrimaryUnavailableEvent {
  readonly request: RequestStarted | undefined
  readonly reason: PrimaryUnavailableReason
}

/**
 * What Flyback tells on `diagnostics_channel`, by the name of the channel. No SQL text, parameter, row value, credential,
 * token or query string is ever in one.
 */
export interface FlybackEvents {
  'flyback:request:start': RequestStarted
  'flyback:request:end': RequestEnded
  'flyback:statement:start': StatementStarted
  'flyback:statement:end': StatementEnded
  'flyback:refusal': RefusalEvent
  'flyback:retry': RetryEvent
  'flyback:primary-unavailable': PrimaryUnavailableEvent
}
