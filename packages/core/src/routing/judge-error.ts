import type { Role } from '../deployment/detect-deployment.js'
import type { RetryReason } from '../diagnostics/flyback-events.js'
import { classifyError, type ErrorVerdict } from '../errors/classify-error.js'
import { findReplayRequired } from '../errors/find-replay-required.js'
import type { PrimaryUnavailableReason } from '../errors/primary-unavailable.js'
import type { ReplayReason } from '../errors/replay-required.js'
import type { ScopeView } from '../scope/scope-view.js'
import { type ConnectionFacts, type EndpointName, isStandby } from './connection-facts.js'
import { decide, type Row } from './decision-table.js'

/** What to do for a read whose replica endpoint is down, starting or hung. */
export type ReplicaDownPolicy = 'forward' | 'replay' | 'fail'

export interface ErrorInput {
  readonly role: Role
  readonly scope: ScopeView | undefined
  /** The endpoint that answered, or that could not be reached. */
  readonly endpoint: EndpointName
  readonly facts: ConnectionFacts
  /** A refusal was already reported in the transaction that is open. */
  readonly refusedBefore: boolean
  /** The call owns its checkout, no rows were delivered and no transaction is open: it may run again elsewhere. */
  readonly retryable: boolean
  /** How often this call was sent before. */
  readonly attempt: number
  /** The adapter saw the connection end; some drivers report that without a code. */
  readonly connectionLost: boolean
  readonly whenReplicaDown: ReplicaDownPolicy
  readonly error: unknown
}

export type ErrorOutcome =
  /** Rethrow the driver's own error, untouched. */
  | { readonly outcome: 'driver-error' }
  /** Throw ReplayRequired, by way of the scope if there is one. */
  | { readonly outcome: 'replay'; readonly reason: ReplayReason }
  /** Throw the refusal the open transaction met first. */
  | { readonly outcome: 'first-refusal' }
  | { readonly outcome: 'primary-unavailable'; readonly reason: PrimaryUnavailableReason }
  | { readonly outcome: 'retry'; readonly on: EndpointName; readonly because: RetryReason }

interface Judged extends ErrorInput {
  readonly verdict: ErrorVerdict
}

const UNTOUCHED: ErrorOutcome = { outcome: 'driver-error' }
const isRefusal = (verdict: ErrorVerdict): boolean =>
  verdict === 'refused' || verdict === 'ambiguous'

/** The third table: after a failure. First match wins; the last row matches everything. */
export const JUDGE_ERROR: readonly Row<Judged, ErrorOutcome>[] = [
  {
    title: 'role single keeps the error of its driver',
    when: ({ role }) => role === 'single',
    gives: UNTOUCHED,
  },
  {
    title: 'an error that already is a ReplayRequired passes',
    when: ({ error }) => findReplayRequired(error) !== undefined,
    gives: UNTOUCHED,
  },
  {
    title: 'a refusal by a writer that announced in_hot_standby=on is PrimaryUnavailable(standby)',
    when: ({ endpoint, facts, verdict }) =>
      endpoint === 'writer' && isRefusal(verdict) && facts.inHotStandby === true,
    gives: { outcome: 'primary-unavailable', reason: 'standby' },
  },
  {
    title:
      'a refusal by a writer that announced a read-only default is PrimaryUnavailable(read-only)',
    when: ({ endpoint, facts, verdict }) =>
      endpoint === 'writer' && verdict === 'refused' && facts.defaultReadOnly === true,
    gives: { outcome: 'primary-unavailable', reason: 'read-only' },
  },
  {
    title: 'any other error of the writer endpoint is the error of its driver',
    when: ({ endpoint }) => endpoint === 'writer',
    gives: UNTOUCHED,
  },
  {
    title:
      'a refusal by a replica endpoint that is read-only but not in recovery is PrimaryUnavailable(read-only)',
    when: ({ endpoint, facts, verdict }) =>
      verdict === 'refused' && !isStandby(endpoint, facts) && facts.defaultReadOnly === true,
    gives: { outcome: 'primary-unavailable', reason: 'read-only' },
  },
  {
    title: 'a refusal by a replica endpoint that was promoted is PrimaryUnavailable(role-changed)',
    when: ({ endpoint, facts, verdict }) => verdict === 'refused' && !isStandby(endpoint, facts),
    gives: { outcome: 'primary-unavailable', reason: 'role-changed' },
  },
  {
    title: 'a transaction that failed after a refusal reports that refusal',
    when: ({ verdict, refusedBefore }) => verdict === 'aborted' && refusedBefore,
    gives: { outcome: 'first-refusal' },
  },
  {
    title:
      'a refusal in a scope that forwards meanwhile runs on the writer when nothing is lost by it',
    when: ({ verdict, scope, retryable }) =>
      isRefusal(verdict) && scope?.state === 'forwarding' && retryable,
    gives: { outcome: 'retry', on: 'writer', because: 'forwarding' },
  },
  {
    title:
      'a refusal in a scope that could never be replayed runs on the writer when nothing is lost by it',
    when: ({ verdict, scope, retryable }) =>
      isRefusal(verdict) && scope?.staysHere === true && retryable,
    gives: { outcome: 'retry', on: 'writer', because: 'write' },
  },
  {
    title: 'an ambiguous refusal of a request that was already replayed is the error of its driver',
    when: ({ verdict, scope }) => verdict === 'ambiguous' && scope?.replayed === true,
    gives: UNTOUCHED,
  },
  {
    title: 'an ambiguous refusal by a standby is ReplayRequired(ambiguous)',
    when: ({ verdict, endpoint, facts }) => verdict === 'ambiguous' && isStandby(endpoint, facts),
    gives: { outcome: 'replay', reason: 'ambiguous' },
  },
  {
    title: 'a refusal by a standby is ReplayRequired(write)',
    when: ({ verdict, endpoint, facts }) => verdict === 'refused' && isStandby(endpoint, facts),
    gives: { outcome: 'replay', reason: 'write' },
  },
  {
    title: 'whatever else a promoted replica answers, or loses, is the error of its driver',
    when: ({ endpoint, facts }) => !isStandby(endpoint, facts),
    gives: UNTOUCHED,
  },
  {
    title: 'a recovery conflict runs once more on the replica',
    when: ({ verdict, retryable, attempt }) =>
      verdict === 'recovery-conflict' && retryable && attempt === 0,
    gives: { outcome: 'retry', on: 'replica', because: 'recovery-conflict' },
  },
  {
    title: 'a second recovery conflict runs on the writer',
    when: ({ verdict, retryable }) => verdict === 'recovery-conflict' && retryable,
    gives: { outcome: 'retry', on: 'writer', because: 'recovery-conflict' },
  },
  {
    title: 'a replica that cannot be reached leaves the work to the writer',
    when: (input) =>
      isReplicaDown(input) &&
      (input.whenReplicaDown === 'forward' ||
        (input.whenReplicaDown === 'replay' && input.scope?.staysHere === true)),
    gives: { outcome: 'retry', on: 'writer', because: 'replica-down' },
  },
  {
    title: 'a replica that cannot be reached replays the request, by option',
    when: (input) => isReplicaDown(input) && input.whenReplicaDown === 'replay',
    gives: { outcome: 'replay', reason: 'replica-unavailable' },
  },
  {
    title: 'everything else is the error of its driver',
    when: () => true,
    gives: UNTOUCHED,
  },
]

function isReplicaDown({ verdict, connectionLost, retryable }: Judged): boolean {
  return retryable && (verdict === 'unavailable' || connectionLost)
}

/** What went wrong, and which way now? Total: never throws, for any thrown value. */
export function judgeError(input: ErrorInput): ErrorOutcome {
  return decide(JUDGE_ERROR, { ...input, verdict: classifyError(input.error) })
}
