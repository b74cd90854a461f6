import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import type { Scope } from '../scope/scope-state.js'
import type { Connection } from './connection.js'
import { endsTransaction, takesAdvisoryLock } from './statement.js'

/** Why a statement must not be sent on a connection, if it must not. Marks the scope. */
export function refusalBeforeSending(
  { link, facts, leadsTo, status, reclaimedBy }: Connection,
  scope: Scope | undefined,
  text: string | undefined,
): Error | undefined {
  const { router, endpoint, settings } = link
  if (reclaimedBy !== undefined) return reclaimedBy
  if (scope?.refusal !== undefined) return scope.refusal
  if (endpoint === 'writer') {
    return facts.inHotStandby === true ? new PrimaryUnavailable({ reason: 'standby' }) : undefined
  }
  // It would read the past of what the scope wrote; only what ends a transaction that was open reads nothing.
  const ends = status !== 'I' && text !== undefined && endsTransaction(text)
  if (router.isBehind(scope, leadsTo) && !ends) return router.refuse(scope, 'mixed-reads')
  const locks = settings.refuseAdvisoryLocks && text !== undefined && takesAdvisoryLock(text)
  return locks && router.role === 'replica' && leadsTo === 'replica'
    ? router.refuse(scope, 'known-write')
    : undefined
}
