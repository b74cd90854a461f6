import type { Deployment, RequestEnded, Scope } from '@flyback/core'
import type { Admission } from '../admission.js'
import type { ResponseWatch } from '../response-watch.js'

/** What has become of a request, as far as is known. */
export type RequestFate = Pick<RequestEnded, 'outcome' | 'reason' | 'answeredBy'>

export interface RequestState {
  readonly role: Deployment['role']
  /** The last word of the table. */
  readonly admission: Admission
  readonly scope: Scope | undefined
  readonly watch: ResponseWatch | undefined
}

/** Puts what was decided before the handler, and what its scope has seen since, into the closed words. */
export function describeRequest({ role, admission, scope, watch }: RequestState): RequestFate {
  const answeredBy = scope?.answeredBy ?? 'none'
  if (admission.outcome === 'refuse') {
    const reason = admission.because === 'replayed' ? 'came-back' : admission.because
    return { outcome: 'refused', reason, answeredBy }
  }
  if (admission.outcome === 'measure')
    return { outcome: 'abandoned', reason: 'aborted', answeredBy }
  if (scope?.denial !== undefined && watch?.isBroken() !== true) {
    const reason = scope.denial.reason === 'old-timeline' ? 'old-timeline' : 'busy'
    return { outcome: 'refused', reason, answeredBy }
  }
  const replayed = admission.outcome === 'replay' ? admission.reason : scope?.refusal?.reason
  if (replayed !== undefined && (scope === undefined || scope.refusal !== undefined)) {
    return { outcome: 'replayed', reason: replayed, answeredBy }
  }
  if (scope?.lostRefusal !== undefined && watch?.isBroken() === true) {
    return { outcome: 'broken', reason: scope.lostRefusal.reason, answeredBy }
  }
  if (scope?.forwardReason !== undefined) {
    return { outcome: 'forwarded', reason: scope.forwardReason, answeredBy }
  }
  return { outcome: 'served', reason: role === 'primary' ? 'primary-region' : 'local', answeredBy }
}
