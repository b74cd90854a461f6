import {
  findKnownStale,
  type Role,
  Scope,
  type StaleEndpoint,
  takePlace,
  tellNotices,
} from '@flyback/core'
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
import type { CarriedToken, HeaderLine } from './token/token-carrier.js'

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
  /** Its connection is known to be encrypted. @default false */
  readonly isEncrypted?: boolean
  /** The pattern the framework has matched, asked at the end. */
  readonly route?: () => string | undefined
}

/** What replays a request: an answer that asks for it, or a call that does it. */
export type Replay = Answer | Carry

/** A request, as it was described once. */
export interface FrontInput extends AdmissionInput {
  readonly carried?: CarriedToken | undefined
  /** The endpoint that is known to lack what its client has seen. */
  readonly staleAt?: StaleEndpoint | undefined
}

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
  ): { readonly input: FrontInput; readonly admission: Admission }
  /** The same question, now that the body was measured. */
  admitMeasured(input: FrontInput, body: BodySize): Admission
  /** What becomes of a request that runs already, now that its policy is known; without one, by its rules and its method. */
  decide(input: FrontInput, policy: Policy | undefined): Admission
  /** The same question, now that the primary region could not be reached and nothing has run. */
  admitUnreached(input: FrontInput): Admission
  /** What takes the place of the handler, for the outcomes that have something. */
  answer(admission: Extract<Admission, { outcome: 'refuse' }>): Answer
  replay(admission: Extract<Admission, { outcome: 'replay' }>): Replay
  openScope(admission: Extract<Admission, { outcome: 'open' }>, input: FrontInput): Scope
  /** What the headers of its final response have to say, once they go out; `undefined` when that is never anything. */
  linesOf(scope: Scope): (() => readonly HeaderLine[]) | undefined
  /**
   * Whether a statement in flight may yet have something to say there. One of a safe method is taken for a read that streams, and
   * waited for only where something is saved while a response ends.
   *
   * @param savesAtEnd @default false
   */
  mayCapture(scope: Scope, savesAtEnd?: boolean): boolean
  /** What replays this scope's request, if it was refused and still can be. */
  replayOf(scope: Scope, error?: unknown): Replay | undefined
  /** @param completed whether the answer went out to its end, where only the base knows. @default true */
  endScope(scope: Scope, completed?: boolean): void
}

const toldOf = ({ replayed, cached, failed }: ReplayOrigin) => ({ replayed, cached, failed })

const NO_ORIGIN: ReplayOrigin = { replayed: false, cached: false, failed: false }

interface OpenScope {
  readonly told: ToldRequest | undefined
  readonly carried: CarriedToken | undefined
  readonly safe: boolean
}

const openScopes = new WeakMap<Scope, OpenScope>()

/** Reads the options and puts the decisions together, for one middleware. @throws ConfigurationError */
export function createFront<R>(options: FlybackOptions<R>): Front<R> {
  const settings = readOptions(options)
  const { deployment, platform, policyFor, whenNotReplayable, serverTiming, carrier } = settings
  const { role, primaryRegion } = deployment
  const maxBodyBytes = platform?.limits.maxBodyBytes ?? Number.POSITIVE_INFINITY
  const carries = platform !== undefined && 'carry' in platform

  function describe(request: FrontRequest<R>): FrontInput {
    const origin = platform?.readOrigin(request.header) ?? NO_ORIGIN
    const isMeasurable = role === 'replica' && platform !== undefined
    if (role === 'replica' && origin.replayed && !origin.failed) tellDisagreement()
    const choice = policyFor(request)
    const carried = carrier?.open({
      request: request.request,
      header: request.header,
      isEncrypted: request.isEncrypted ?? false,
    })
    const { consistency = settings.consistency } = choice
    const mayBeStale = role === 'replica' && consistency !== 'eventual'
    const staleAt = mayBeStale ? findKnownStale(carried?.given() ?? []) : undefined
    return {
      carried,
      consistency,
      staleAt,
      stale: staleAt !== undefined,
      told: tellRequest(request, choice, toldOf(origin), { deployment, serverTiming }),
      role,
      safe: isSafeMethod(request.method),
      policy: choice.policy,
      by: choice.by,
      canReplay: platform !== undefined && !(carries && request.isUpgrade === true),
      origin,
      body: isMeasurable ? request.bodySize(maxBodyBytes, carries) : 'none',
      whenNotReplayable,
    }
  }

  /** A place at the primary is taken for what goes there before its handler runs, as it is later on. */
  function placed(admission: Admission, input: FrontInput): Admission {
    const { staleAt, told } = input
    const { outcome } = admission
    const goesThere =
      (outcome === 'replay' && admission.reason === 'stale') ||
      (outcome === 'open' && admission.forward === 'stale')
    if (!goesThere || staleAt === undefined) return admission
    const place = takePlace(staleAt.maxFallbacks)
    if (outcome === 'replay') place?.replay()
    // Its scope takes it in the same turn, and has it until the work is over.
    else place?.giveBack()
    if (place !== undefined) return admission
    const busy: Admission = { outcome: 'refuse', because: 'busy' }
    told?.admitted(busy, input)
    return busy
  }

  function decided(input: FrontInput): Admission {
    return placed(decideAdmission(input), input)
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
      return role === 'single' || (outer !== undefined && scopesInProgress().has(outer.root))
    },

    admit(request, undecided = false) {
      const input = { ...describe(request), undecided }
      return { input, admission: decided(input) }
    },

    admitMeasured(input, body) {
      return decided({ ...input, body })
    },

    decide(input, policy) {
      const choice = policy === undefined ? input : ({ policy, by: 'route' } as const)
      const known = { ...input, policy: choice.policy, by: choice.by, undecided: false }
      const admission = decideAdmission(known)
      // What runs here has its place already.
      return admission.outcome === 'open' ? admission : placed(admission, known)
    },

    admitUnreached(input) {
      return decided({ ...input, origin: { ...input.origin, failed: true } })
    },

    answer({ because }) {
      return because === 'too-large' ? tooLargeAnswer(maxBodyBytes) : refusalAnswer(because)
    },

    replay({ reason }) {
      return replayIn(primaryRegion, reason)
    },

    openScope({ canReplay, forward }, { origin, told, carried, safe, consistency, staleAt }) {
      const replayed = origin.replayed || origin.cached
      const scope = new Scope({
        role,
        primaryRegion,
        canReplay,
        forward,
        replayed,
        request: told?.request,
        mayWrite: !safe || (replayed && origin.stale !== true),
        captures: carried !== undefined,
        ...(consistency !== undefined && { consistency }),
        ...(carried !== undefined && { token: () => carried.given() }),
        ...(carried?.onCapture !== undefined && { onCapture: carried.onCapture }),
      })
      if (forward === 'stale' && staleAt !== undefined) scope.takePlace(staleAt.maxFallbacks)
      openScopes.set(scope, { told, carried, safe })
      scopesInProgress().add(scope)
      told?.opened(scope)
      return scope
    },

    linesOf(scope) {
      const { carried } = openScopes.get(scope) ?? {}
      return carried && (() => carried.lines(scope.tokens))
    },

    mayCapture(scope, savesAtEnd = false) {
      const { carried, safe } = openScopes.get(scope) ?? {}
      return carried !== undefined && scope.pending && (safe === false || savesAtEnd)
    },

    replayOf(scope, error) {
      const refusal = refusalOf(scope, error)
      if (refusal !== undefined) return replayIn(refusal.region, refusal.reason)
      return scope.denial && refusalAnswer('busy')
    },

    endScope(scope, completed = true) {
      const { told } = openScopes.get(scope) ?? {}
      openScopes.delete(scope)
      scopesInProgress().delete(scope)
      scope.end()
      told?.over(completed)
    },
  }
}
