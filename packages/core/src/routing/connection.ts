import { tellPrimaryUnavailable } from '../diagnostics/tell-primary-unavailable.js'
import { memberOf, type ToldStatement, tellStatement } from '../diagnostics/tell-statement.js'
import { sqlstateOf } from '../errors/classify-error.js'
import { isPrimaryUnavailable, PrimaryUnavailable } from '../errors/primary-unavailable.js'
import { isReplayRequired, type ReplayRequired } from '../errors/replay-required.js'
import { walkError } from '../errors/walk-error.js'
import type { Reclaimable, Scope } from '../scope/scope-state.js'
import {
  type ConnectionFacts,
  type EndpointName,
  learnParameter,
  unknownFacts,
} from './connection-facts.js'
import type { Remedy, Router } from './router.js'
import type { Routing, Settings } from './routing.js'
import { endsTransaction, takesAdvisoryLock } from './statement.js'

const PROBE_INTERVAL_MS = 1000

/** What the connections of one endpoint share. */
export interface Link {
  readonly router: Router
  readonly settings: Settings
  readonly endpoint: EndpointName
  /** Grows when the endpoint is seen to have changed members: older connections are retired at checkout. */
  epoch: number
  /** When a read-only primary was last tried with a new connection, on the monotonic clock. */
  lastProbeMs: number
}

/** A link nothing is known of yet. */
export function createLink({ router, settings }: Routing, endpoint: EndpointName): Link {
  return { router, settings, endpoint, epoch: 0, lastProbeMs: Number.NEGATIVE_INFINITY }
}

/** How a call may be repeated: whether at all, and how often it was sent before. */
export interface Attempt {
  /** The call owns its checkout, and no rows were delivered. */
  readonly retryable: boolean
  readonly attempt: number
}

/** A statement of a checkout that its caller holds: it never runs elsewhere. */
export const NO_RETRY: Attempt = { retryable: false, attempt: 0 }

const origins = new WeakMap<object, Connection>()

/**
 * The connection an error of a driver was thrown on, however it was wrapped since. Adapters built on others ask for it,
 * to know which member answered.
 */
export function originOf(error: unknown): Connection | undefined {
  for (const link of walkError(error)) {
    const origin = origins.get(link)
    if (origin !== undefined) return origin
  }
  return undefined
}

/**
 * What is known of one connection: its facts, its transaction, the refusal it met, and whose it is at the moment. A
 * driver's adapter extends it with how it hears of them.
 */
export class Connection implements Reclaimable {
  readonly link: Link
  readonly facts: ConnectionFacts = unknownFacts()
  readonly epoch: number
  /** `I` idle, `T` in a transaction, `E` in a failed one; as of the last answer. */
  status: string = 'I'
  /** The connection has ended. Some drivers' errors do not say so. */
  lost = false
  /** Statements sent and not yet answered in full. */
  busy = false
  /** The rows of a stream have begun to come: the statement in flight was not refused. */
  delivering = false
  /** What the open transaction was refused with first: it cannot commit. */
  firstRefusal: ReplayRequired | PrimaryUnavailable | undefined
  /** The primary announced a read-only default, and a new connection may find that over. */
  wantsProbe = false
  /** The scope this checkout was made in, for callers that lost their context. */
  scope: Scope | undefined
  #reclaimed: ReplayRequired | undefined
  /** The scope in which the open transaction began. */
  #beganIn: Scope | undefined
  #destroy: (() => void) | undefined

  constructor(link: Link) {
    this.link = link
    this.epoch = link.epoch
  }

  /** Takes in one ParameterStatus message of the server. */
  learn(name: string, value: string): void {
    learnParameter(this.facts, name, value)
    const demoted = this.link.endpoint === 'writer' && this.facts.inHotStandby === true
    if (demoted && this.epoch === this.link.epoch) this.link.epoch++
  }

  /** Opened before its endpoint changed members. */
  get outdated(): boolean {
    return this.epoch !== this.link.epoch
  }

  /** Where this connection leads in fact: a replica that was promoted is a writer. */
  get leadsTo(): EndpointName {
    return this.facts.inHotStandby === false ? 'writer' : this.link.endpoint
  }

  /** Why a statement must not be sent on this connection, if it must not. */
  refusalBeforeSending(scope: Scope | undefined, text: string | undefined): Error | undefined {
    const { router, endpoint, settings } = this.link
    if (this.#reclaimed !== undefined) return this.#reclaimed
    if (scope?.refusal !== undefined) return scope.refusal
    if (endpoint === 'writer') {
      return this.facts.inHotStandby === true
        ? new PrimaryUnavailable({ reason: 'standby' })
        : undefined
    }
    // It would read the past of what the scope wrote; only what ends a transaction that was open reads nothing.
    const ends = this.status !== 'I' && text !== undefined && endsTransaction(text)
    if (router.isBehind(scope, this.leadsTo) && !ends) return router.refuse(scope, 'mixed-reads')
    const locks = settings.refuseAdvisoryLocks && text !== undefined && takesAdvisoryLock(text)
    return locks && router.role === 'replica' && this.leadsTo === 'replica'
      ? router.refuse(scope, 'known-write')
      : undefined
  }

  /**
   * Marks the scope and this connection before a statement goes out, and tells it. Give what it returns to
   * {@link endSending} or {@link judge}.
   *
   * @param attempt how often the same work was sent before
   */
  beginSending(scope: Scope | undefined, attempt = 0): ToldStatement | undefined {
    this.link.router.enter(scope, this.leadsTo, this.#promoted)
    if (this.status === 'I' && !this.busy) {
      this.firstRefusal = undefined
      this.#beganIn = scope
    }
    this.busy = !this.lost
    this.delivering = false
    return tellStatement(this, scope, attempt)
  }

  get pending(): boolean {
    return this.busy && !this.delivering
  }

  get #promoted(): 'promoted' | undefined {
    return this.link.endpoint !== this.leadsTo ? 'promoted' : undefined
  }

  /**
   * Whether a transaction is open that another scope left behind: refused, it could not send its ROLLBACK. It has to be
   * ended before a statement of this scope goes out.
   */
  isLeftOpen(scope: Scope | undefined): boolean {
    const left = this.#beganIn
    return this.status !== 'I' && left !== undefined && left !== scope && left.refusal !== undefined
  }

  /**
   * A statement was answered. A promotion is announced with the answer of the first statement after it, which may have
   * written: the scope stays here then.
   */
  endSending(scope: Scope | undefined, told?: ToldStatement): void {
    this.#learnRole(scope)
    scope?.answered(memberOf(this))
    told?.end()
  }

  #learnRole(scope: Scope | undefined): void {
    if (this.leadsTo === 'writer' && scope?.refusal === undefined) {
      this.link.router.enter(scope, 'writer', this.#promoted)
    }
  }

  /** What to do about the error a statement of this connection was answered with. Marks the scope. */
  judge(
    scope: Scope | undefined,
    { retryable, attempt }: Attempt,
    error: unknown,
    told?: ToldStatement,
  ): Remedy {
    this.#learnRole(scope)
    if (sqlstateOf(error) !== undefined) scope?.answered(memberOf(this))
    const { router, endpoint } = this.link
    const remedy = router.judge(scope, {
      endpoint,
      facts: this.facts,
      firstRefusal: this.firstRefusal,
      retryable: retryable && (this.status === 'I' || this.lost),
      attempt,
      connectionLost: this.lost,
      error,
    })
    told?.end(remedy, error)
    if (remedy.type === 'throw') this.note(remedy.error, scope)
    return remedy
  }

  /** Remembers what an error means for this connection, and that it came from it. */
  note(error: unknown, scope: Scope | undefined): void {
    if (typeof error === 'object' && error !== null) {
      // A transaction reports what it met first again and again.
      if (!origins.has(error)) tellPrimaryUnavailable(error, scope?.request)
      origins.set(error, this)
    }
    if (isReplayRequired(error)) this.firstRefusal ??= error
    if (!isPrimaryUnavailable(error)) return
    if (this.status !== 'I') this.firstRefusal ??= error
    if (error.reason === 'read-only') this.wantsProbe = true
  }

  /** Whether a connection that still works must not serve again. Ask once, when it is given back. */
  mustGo(): boolean {
    const { link, facts } = this
    if (this.isReclaimed) return true
    if (link.endpoint === 'writer' && facts.inHotStandby === true) return true
    if (!this.wantsProbe) return false
    // Only a new session sees that a read-only default is over: try one, at most one a second an endpoint.
    const nowMs = performance.now()
    if (nowMs - link.lastProbeMs < PROBE_INTERVAL_MS) return false
    link.lastProbeMs = nowMs
    return true
  }

  /** A checkout begins; `destroy` ends the connection for good. */
  lend(scope: Scope | undefined, destroy: () => void): void {
    this.scope = scope
    this.#destroy = destroy
    scope?.remember(this)
  }

  /** The checkout is over. */
  giveBack(): void {
    this.scope?.forget(this)
    this.scope = undefined
    this.#destroy = undefined
  }

  get isReclaimed(): boolean {
    return this.#reclaimed !== undefined
  }

  /** Resolves when nothing is in flight on this connection; to `false` when that takes too long. */
  idle(): Promise<boolean> {
    return Promise.resolve(!this.busy)
  }

  reclaim(refusal: ReplayRequired): void {
    this.#reclaimed = refusal
    const destroy = this.#destroy
    // A statement in flight may have no one waiting: let it end well rather than reject into the void.
    void this.idle().then(() => destroy?.())
  }
}
