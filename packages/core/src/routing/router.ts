import { type Deployment, type Role, roleOf } from '../deployment/detect-deployment.js'
import type { PrimaryLocator } from '../deployment/primary-locator.js'
import type { Servers } from '../deployment/server.js'
import { publish } from '../diagnostics/channels.js'
import type { ForwardReason } from '../diagnostics/flyback-events.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import { type ReplayReason, ReplayRequired } from '../errors/replay-required.js'
import type { Scope } from '../scope/scope-state.js'
import { Beacon } from '../tokens/beacon.js'
import { takePlace } from '../tokens/fallbacks.js'
import { chooseEndpoint, type Hint } from './choose-endpoint.js'
import type { ConnectionFacts, EndpointName } from './connection-facts.js'
import {
  type ConnectionInput,
  type ConnectionVerdict,
  judgeConnection,
} from './judge-connection.js'
import { judgeError, type ReplicaDownPolicy } from './judge-error.js'
import { knowCluster } from './known-clusters.js'

export interface RouterOptions {
  readonly deployment: Deployment
  readonly locator: PrimaryLocator
  /** Names the cluster in a scope: pools with one key share `forwarding`. */
  readonly cluster: string
  readonly hasReplica: boolean
  readonly whenReplicaDown: ReplicaDownPolicy
  /** How many pieces of work of this process may fall back on the primary at once. */
  readonly maxFallbacks: number
  /** Where the endpoints lead, to be told. @default unknown */
  readonly servers?: Servers | undefined
}

/** What an adapter knows of a failed call. */
export interface Failure {
  readonly endpoint: EndpointName
  readonly facts: ConnectionFacts
  /** What the open transaction was refused with first. */
  readonly firstRefusal: ReplayRequired | PrimaryUnavailable | undefined
  readonly retryable: boolean
  readonly attempt: number
  readonly connectionLost: boolean
  readonly error: unknown
}

/** What an adapter does with a failed call. */
export type Remedy =
  | { readonly type: 'throw'; readonly error: unknown }
  | { readonly type: 'retry'; readonly on: EndpointName }

/** The three tables for one cluster, with their effects on the scope. Every adapter asks this and nothing else. */
export interface Router extends Pick<RouterOptions, 'cluster' | 'hasReplica' | 'servers'> {
  /** The role now; the locator may have learned of a failover. */
  readonly role: Role
  /** Where the primary was at moments this process remembers. */
  readonly beacon: Beacon
  /**
   * Which endpoint for this work? Marks the scope before anything is sent.
   * @throws {@link ReplayRequired}
   */
  choose(scope: Scope | undefined, hint: Hint): EndpointName
  /** Notes that a statement is about to go to this endpoint, and why when that is known. */
  enter(scope: Scope | undefined, endpoint: EndpointName, because?: ForwardReason): void
  /**
   * Whether a statement on a connection of this endpoint would read the past: the scope forwards, and the connection was
   * checked out of the replica before.
   */
  isBehind(scope: Scope | undefined, endpoint: EndpointName): boolean
  /**
   * Whether this checked-out connection may serve.
   * @throws {@link ReplayRequired} the scope's refusal, or {@link PrimaryUnavailable} when nothing may
   */
  admit(
    scope: Scope | undefined,
    connection: Omit<ConnectionInput, 'scope'>,
  ): Exclude<ConnectionVerdict, { outcome: 'refused' | 'old-timeline' }>
  /**
   * Leaves work to the primary whose replica lacks what it must have seen: it is replayed, or goes on at the writer endpoint.
   *
   * @param isHeld its caller holds the connection, so that it can go on nowhere. @default false
   * @throws {@link ReplayRequired}, or {@link PrimaryUnavailable} when too much is there already
   */
  leaveStale(scope: Scope | undefined, isHeld?: boolean): EndpointName
  /** What to throw, or where to run again. Marks the scope. */
  judge(scope: Scope | undefined, failure: Failure): Remedy
  /** The error for work that must not run here; the scope's own when it has one. */
  refuse(scope: Scope | undefined, reason: ReplayReason, cause?: unknown): ReplayRequired
}

/** Puts the three tables together for one cluster. */
export function createRouter(options: RouterOptions): Router {
  const { deployment, locator, cluster, hasReplica, whenReplicaDown, maxFallbacks } = options
  knowCluster(cluster)

  function primaryRegion(): string {
    return locator.locate(cluster) ?? deployment.primaryRegion ?? ''
  }

  function refuse(scope: Scope | undefined, reason: ReplayReason, cause?: unknown): ReplayRequired {
    const region = primaryRegion()
    if (scope !== undefined) return scope.refuse(region, reason, cause)
    const refusal = new ReplayRequired({ region, reason, cause, replayable: true })
    tellRefusal(refusal, undefined)
    return refusal
  }

  function enter(
    scope: Scope | undefined,
    endpoint: EndpointName,
    because: ForwardReason | undefined,
  ): void {
    if (endpoint === 'replica') scope?.enterReplica(cluster)
    // By the role of the request, too: a locator may have learned of a failover since it began.
    else if (router.role === 'replica') scope?.enterWriter(cluster, because)
    else if (scope?.role === 'replica') scope.enterWriter(cluster, because ?? 'promoted')
  }

  /** Whether there is a place at the primary for work that falls back on it (rule 14). */
  function hasPlace(scope: Scope | undefined): boolean {
    if (scope !== undefined) return scope.takePlace(maxFallbacks)
    const place = takePlace(maxFallbacks)
    place?.replay()
    return place !== undefined
  }

  function deny(
    scope: Scope | undefined,
    reason: 'busy' | 'old-timeline',
    cause?: unknown,
  ): PrimaryUnavailable {
    const unavailable = new PrimaryUnavailable({ reason, cause })
    return scope?.deny(unavailable) ?? unavailable
  }

  const router: Router = {
    cluster,
    hasReplica,
    servers: options.servers,
    beacon: new Beacon(),

    get role(): Role {
      // A release machine is `primary` wherever it runs; only a replica or primary can change sides.
      const { role, region } = deployment
      return role === 'replica' ? roleOf(region, locator.locate(cluster)) : role
    },

    choose(scope, hint) {
      if (scope?.denial !== undefined) throw scope.denial
      const choice = chooseEndpoint({
        role: router.role,
        hasReplica,
        scope: scope?.view(cluster),
        hint,
      })
      if (choice.outcome === 'throw') throw refuse(scope, choice.reason)
      enter(scope, choice.outcome, choice.outcome === 'writer' ? choice.because : undefined)
      return choice.outcome
    },

    enter,

    isBehind(scope, endpoint) {
      return endpoint === 'replica' && scope?.view(cluster).state === 'forwarding'
    },

    admit(scope, connection) {
      const verdict = judgeConnection({ scope: scope?.view(cluster), ...connection })
      if (verdict.outcome === 'refused') throw refuse(scope, 'write')
      if (verdict.outcome === 'old-timeline') throw deny(scope, 'old-timeline')
      return verdict
    },

    leaveStale(scope, isHeld = false) {
      const ended = scope?.refusal ?? scope?.denial
      if (ended !== undefined) throw ended
      if (!hasPlace(scope)) throw deny(scope, 'busy')
      if (scope === undefined || scope.replayable || isHeld) throw refuse(scope, 'stale')
      enter(scope, 'writer', 'stale')
      return 'writer'
    },

    judge(scope, failure) {
      const { endpoint, facts, firstRefusal, retryable, attempt, connectionLost, error } = failure
      const outcome = judgeError({
        role: router.role,
        scope: scope?.view(cluster),
        endpoint,
        facts,
        refusedBefore: firstRefusal !== undefined,
        retryable,
        attempt,
        connectionLost,
        whenReplicaDown,
        error,
      })
      switch (outcome.outcome) {
        case 'driver-error':
          return { type: 'throw', error }
        case 'replay':
          if (outcome.reason === 'replica-unavailable' && !hasPlace(scope)) {
            return { type: 'throw', error: deny(scope, 'busy', error) }
          }
          return { type: 'throw', error: refuse(scope, outcome.reason, error) }
        case 'first-refusal':
          return { type: 'throw', error: firstRefusal }
        case 'primary-unavailable':
          return {
            type: 'throw',
            error: new PrimaryUnavailable({ reason: outcome.reason, cause: error }),
          }
        case 'retry': {
          // Another statement of the scope may have been refused meanwhile: then nothing more is sent.
          if (scope?.refusal !== undefined) return { type: 'throw', error: scope.refusal }
          const { on, because } = outcome
          const fallsBack = because === 'replica-down' || because === 'recovery-conflict'
          if (on === 'writer' && fallsBack && !hasPlace(scope)) {
            return { type: 'throw', error: deny(scope, 'busy', error) }
          }
          enter(scope, on, because === 'forwarding' ? undefined : because)
          publish('flyback:retry', () => ({ request: scope?.request, reason: because, on }))
          return { type: 'retry', on }
        }
      }
    },

    refuse,
  }
  return router
}
