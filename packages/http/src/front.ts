import { type Role, Scope, tellNotices } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { type Admission, type AdmissionInput, type BodySize, decideAdmission } from './admission.js'
import { type Answer, isRegion, refusalAnswer, replayAnswer, tooLargeAnswer } from './answer.js'
import type { Carry } from './carry-request.js'
import { type ToldRequest, tellRequest } from './diagnostics/told-request.js'
import { type FlybackOptions, readOptions } from './options.js'
import type { ReadHeader, ReplayCause, ReplayOrigin } from './platform/replay-platform.js'
import { isSafeMethod, type Policy, type PolicyRequest } from './policy.js'
import { refusalOf } from './refusal-of.js'
import { scopesInProgress } from './scopes-in-progress.js'

/** What a base knows of a request. */
export interface FrontRequest<R> extends PolicyRequest<R> {
  readonly header: ReadHeader
  /**
   * Asked only in a replica region with a platform.
   *
   * @param mustKeep the body has to be kept by us, so `unknown` until it has been read, unless there is none
   */
  readonly bodySize: (maxBodyBytes: number, mustKeep: boolean) => BodySize
  /** It asks for an upgrade of the connection: there is nothing to send again by ourselves. @default false */
  readonly isUpgrade?: boolean
  /** The pattern the framework has matched, asked at the end. */
  readonly route?: () => string | undefined
}

/** What replays a request: an answer that asks for it, or a call that does it. */
export type Replay = Answer | Carry

/** What the node and the fetch base share: everything but their streams. */
export interface Front<R> {
  readonly role: Role
  readonly maxBodyBytes: number
  /** Whether a replay is sent by us, so that bodies have to be kept. */
  readonly carries: boolean
  /** Whether requests are left alone: role single, or an outer Flyback already serves this one. */
  isIdle(): boolean
  /** @param undecided its policy is known later; ask {@link Front.decide} then */
  admit(
    request: FrontRequest<R>,
    undecided?: boolean,
  ): { readonly input: AdmissionInput; readonly admission: Admission }
  /** The same question, now that the body was measured. */
  admitMeasured(input: AdmissionInput, body: BodySize): Admission
  /** What becomes of a request that runs already, now that its policy is known; without one, by its rules and its method. */
  decide(input: AdmissionInput, policy: Policy | undefined): Admission
  /** The same question, now that the primary region could not be reached and nothing has run. */
  admitUnreached(input: AdmissionInput): Admission
  /** What takes the place of the handler, for the outcomes that have something. */
  answer(admission: Extract<Admission, { outcome: 'refuse' }>): Answer
  replay(admission: Extract<Admission, { outcome: 'replay' }>): Replay
  openScope(admission: Extract<Admission, { outcome: 'open' }>, input: AdmissionInput): Scope
  /** What replays this scope's request, if it was refused and still can be. */
  replayOf(scope: Scope, error?: unknown): Replay | undefined
  /** @param completed whether the answer went out to its end, where only the base knows. @default true */
  endScope(scope: Scope, completed?: boolean): void
}

const NO_ORIGIN: ReplayOrigin = { replayed: false, cached: false, failed: false }

const openScopes = new WeakMap<Scope, ToldRequest | undefined>()

/** Reads the options and puts the decisions together, for one middleware. @throws ConfigurationError */
export function createFront<R>(options: FlybackOptions<R>): Front<R> {
  const { deployment, platform, policyFor, whenNotReplayable, serverTiming } = readOptions(options)
  const { role, primaryRegion } = deployment
  const maxBodyBytes = platform?.limits.maxBodyBytes ?? Number.POSITIVE_INFINITY
  const carries = platform !== undefined && 'carry' in platform

  function describe(request: FrontRequest<R>): AdmissionInput {
    const origin = platform?.readOrigin(request.header) ?? NO_ORIGIN
    const isMeasurable = role === 'replica' && platform !== undefined
    if (role === 'replica' && origin.replayed && !origin.failed) tellDisagreement()
    const choice = policyFor(request)
    return {
      told: tellRequest(request, choice, origin, { deployment, serverTiming }),
      role,
      safe: isSafeMethod(request.method),
      ...choice,
      canReplay: platform !== undefined && !(carries && request.isUpgrade === true),
      origin,
      body: isMeasurable ? request.bodySize(maxBodyBytes, carries) : 'none',
      whenNotReplayable,
    }
  }

  function tellDisagreement(): void {
    const message = `a request that Flyback had replayed arrived in ${deployment.region}, whose primary region is ${primaryRegion}: check that all machines have the same PRIMARY_REGION`
    tellNotices([{ code: 'FLYBACK_REGIONS_DISAGREE', message }])
  }

  function replayIn(region: string | undefined, reason: ReplayCause): Replay {
    if (platform === undefined) throw new TypeError('a replay was decided without a platform')
    const order = { region: (isRegion(region) ? region : primaryRegion) ?? '', reason }
    return 'carry' in platform
      ? (request) => platform.carry(request, order)
      : replayAnswer(platform, order)
  }

  return {
    role,
    maxBodyBytes,
    carries,

    isIdle() {
      const outer = currentScope()
      return role === 'single' || (outer !== undefined && scopesInProgress().has(outer))
    },

    admit(request, undecided = false) {
      const input = { ...describe(request), undecided }
      return { input, admission: decideAdmission(input) }
    },

    admitMeasured(input, body) {
      return decideAdmission({ ...input, body })
    },

    decide(input, policy) {
      const choice = policy === undefined ? input : ({ policy, by: 'route' } as const)
      return decideAdmission({ ...input, policy: choice.policy, by: choice.by, undecided: false })
    },

    admitUnreached(input) {
      return decideAdmission({ ...input, origin: { ...input.origin, failed: true } })
    },

    answer({ because }) {
      return because === 'too-large' ? tooLargeAnswer(maxBodyBytes) : refusalAnswer(because)
    },

    replay({ reason }) {
      return replayIn(primaryRegion, reason)
    },

    openScope({ canReplay, forward }, { origin, told }) {
      const replayed = origin.replayed || origin.cached
      const request = told?.request
      const scope = new Scope({ role, primaryRegion, canReplay, forward, replayed, request })
      openScopes.set(scope, told)
      scopesInProgress().add(scope)
      told?.opened(scope)
      return scope
    },

    replayOf(scope, error) {
      const refusal = refusalOf(scope, error)
      return refusal && replayIn(refusal.region, refusal.reason)
    },

    endScope(scope, completed = true) {
      const told = openScopes.get(scope)
      openScopes.delete(scope)
      scopesInProgress().delete(scope)
      scope.end()
      told?.over(completed)
    },
  }
}
