import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import type { Scope } from '../scope/scope-state.js'
import type { Connection } from './connection.js'
import { endsTransaction, takesAdvisoryLock } from './statement.js'

/** Why a statement must not be sent on a connection, if it must not. Marks the scope. */
export function refusalBeforeSending(
  connection: Connection,
  scope: Scope | undefined,
  text: string | undefined,
): Error | undefined {
  const { link, facts, leadsTo, status, reclaimedBy } = connection
  const { router, endpoint, settings } = link
  const ended = reclaimedBy ?? scope?.refusal ?? scope?.denial
  if (ended !== undefined) return ended
  connection.hear(text)
  if (endpoint === 'writer') {
    return facts.inHotStandby === true ? new PrimaryUnavailable({ reason: 'standby' }) : undefined
  }
  // It would read the past of what the scope wrote; only what ends a transaction that was open reads nothing.
  const ends = status !== 'I' && text !== undefined && endsTransaction(text)
  if (router.isBehind(scope, leadsTo) && !ends) return router.refuse(scope, 'mixed-reads')
  if (!ends && status !== 'E' && isStale(connection, scope)) {
    try {
      router.leaveStale(scope, true)
    } catch (refusal) {
      return refusal instanceof Error ? refusal : undefined
    }
  }
  const locks = settings.refuseAdvisoryLocks && text !== undefined && takesAdvisoryLock(text)
  return locks && router.role === 'replica' && leadsTo === 'replica'
    ? router.refuse(scope, 'known-write')
    : undefined
}

/**
 * Whether a connection that was checked out before its scope came to ask for so much has not proven that it has it. It is asked for
 * the next time. The snapshot of an open transaction never gets newer; what a monotonic scope read beside it counts for its client, not here.
 */
function isStale(connection: Connection, scope: Scope | undefined): boolean {
  const isOpen = connection.status !== 'I'
  if (isOpen && scope?.consistency.monotonic === true) return false
  const freshness = connection.freshness(scope, false)
  if (freshness === 'free' || freshness === 'contained') return false
  if (freshness === 'unknown' && !isOpen && !connection.busy) {
    connection.askMember(connection.lacksIdentity(scope)).catch(() => {})
  }
  return true
}
