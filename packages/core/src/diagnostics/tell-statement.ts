import { sqlstateOf } from '../errors/classify-error.js'
import { isPrimaryUnavailable } from '../errors/primary-unavailable.js'
import { isReplayRequired } from '../errors/replay-required.js'
import type { Connection } from '../routing/connection.js'
import { isStandby } from '../routing/connection-facts.js'
import type { Remedy } from '../routing/router.js'
import type { Scope } from '../scope/scope-state.js'
import { isObserved, keepContext, publish } from './channels.js'
import type {
  MemberRole,
  StatementEnded,
  StatementOutcome,
  StatementReason,
  StatementStarted,
} from './flyback-events.js'

/** A statement that somebody hears about. */
export interface ToldStatement {
  /** It came to its end; `error` is what the driver reported. Calling it again does nothing. */
  end(remedy?: Remedy, error?: unknown): void
}

/** Tells that a statement goes out on a connection; `undefined` when nobody listens. */
export function tellStatement(
  connection: Connection,
  scope: Scope | undefined,
  attempt: number,
): ToldStatement | undefined {
  if (!isObserved('flyback:statement:start', 'flyback:statement:end')) return undefined
  const { link, facts } = connection
  const server = link.router.servers?.[link.endpoint]
  const started: StatementStarted = {
    request: scope?.request,
    endpoint: link.endpoint,
    reason: reasonOf(connection, scope),
    attempt,
    member: memberOf(connection),
    memberBy: facts.inHotStandby === undefined ? 'endpoint' : 'announced',
    serverAddress: server?.address,
    serverPort: server?.port,
    database: server?.database,
  }
  const beganMs = performance.now()
  let ended = false
  publish('flyback:statement:start', () => started)
  // The answer arrives in the context of a socket, or of the request that opened it.
  const tellEnd = keepContext((outcome: StatementOutcome, error: unknown) => {
    const durationMs = performance.now() - beganMs
    const sqlstate = sqlstateOf(error)
    publish('flyback:statement:end', () =>
      Object.assign<StatementStarted, Omit<StatementEnded, keyof StatementStarted>>(started, {
        outcome,
        sqlstate,
        durationMs,
      }),
    )
  })
  return {
    end(remedy, error) {
      if (ended) return
      ended = true
      tellEnd(outcomeOf(remedy), error)
    },
  }
}

/** What the server behind a connection is, as far as anyone knows. */
export function memberOf({ link, facts }: Connection): MemberRole {
  return isStandby(link.endpoint, facts) ? 'replica' : 'primary'
}

function reasonOf({ link, leadsTo }: Connection, scope: Scope | undefined): StatementReason {
  const { router, endpoint } = link
  if (leadsTo === 'replica') return 'local'
  if (router.role !== 'replica' && scope?.role !== 'replica') return 'primary-region'
  if (scope !== undefined) return scope.whyForward(router.cluster) ?? 'unscoped'
  if (endpoint === 'replica') return 'promoted'
  return router.hasReplica ? 'unscoped' : 'no-replica'
}

function outcomeOf(remedy: Remedy | undefined): StatementOutcome {
  if (remedy === undefined) return 'answered'
  if (remedy.type === 'retry') return 'retried'
  if (isReplayRequired(remedy.error)) return 'refused'
  return isPrimaryUnavailable(remedy.error) ? 'primary-unavailable' : 'failed'
}
