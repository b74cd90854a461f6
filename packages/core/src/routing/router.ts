import { type Deployment, type Role, roleOf } from '../deployment/detect-deployment.js'
import type { PrimaryLocator } from '../deployment/primary-locator.js'
import type { Servers } from '../deployment/server.js'
import { publish } from '../diagnostics/channels.js'
import type { ForwardReason } from '../diagnostics/flyback-events.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import { type ReplayReason, ReplayRequired } from '../errors/replay-required.js'
import type { Scope } from '../scope/scope-state.js'
import { chooseEndpoint, type Hint } from './choose-endpoint.js'
import type { ConnectionFacts, EndpointName } from './connection-facts.js'
import { type ConnectionVerdict, judgeConnection } from './judge-connection.js'
import { judgeError, type ReplicaDownPolicy } from './judge-error.js'

export interface RouterOptions {
  readonly deployment: Deployment
  readonly locator: PrimaryLocator
  /** Names the cluster in a scope: pools with one key share `forwarding`. */
  readonly cluster: string
  readonly hasReplica: boolean
  readonly whenReplicaDown: ReplicaDownPolicy
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
  /** Whether this checked-out connection may serve. @throws {@link ReplayRequired} the scope's refusal */
  admit(
    scope: Scope | undefined,
    connection: { endpoint: EndpointName; facts: ConnectionFacts; outdated: boolean },
  ): Exclude<ConnectionVerdict, { outcome: 'refused' }>
  /** What to throw, or where to run again. Marks the scope. */
  judge(scope: Scope | undefined, failure: Failure): Remedy
  /** The error for work that must not run here; the scope's own when it has one. */
  refuse(scope: Scope | undefined, reason: ReplayReason, cause?: unknown): ReplayRequired
}

/** Puts the three tables together for one cluster. */
export function createRouter(options: RouterOptions): Router {
  const { deployment, locator, cluster, hasReplica, whenReplicaDown } = options

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

  const router: Router = {
    cluster,
    hasReplica,
    servers: options.servers,

    get role(): Role {
      // A release machine is `primary` wherever it runs; only a replica or primary can change sides.
      const { role, region } = deployment
      return role === 'replica' ? roleOf(region, locator.locate(cluster)) : role
    },

    choose(scope, hint) {
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
      return verdict
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
