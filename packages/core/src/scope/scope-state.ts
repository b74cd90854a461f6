import type { Role } from '../deployment/detect-deployment.js'
import type { ForwardReason, MemberRole, RequestStarted } from '../diagnostics/flyback-events.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import { isReplayRequired, type ReplayReason, ReplayRequired } from '../errors/replay-required.js'
import { OpenWork } from './open-work.js'
import type { ScopeOptions } from './scope-options.js'
import type { ScopeState, ScopeView } from './scope-view.js'

/**
 * What is known about one piece of work: an HTTP request, a job, a socket message. State is kept per cluster (an app may
 * use two databases), but the request is one: contact with any writer ends replay, a refusal anywhere ends all sending.
 */
export class Scope extends OpenWork {
  readonly role: Role
  readonly primaryRegion: string | undefined
  readonly replayed: boolean
  readonly request: RequestStarted | undefined
  #staysHere: boolean
  #canReplay: boolean
  #forwardsAll: ForwardReason | undefined
  #refusal: ReplayRequired | undefined
  #lostRefusal: ReplayRequired | undefined
  readonly #forwarding = new Map<string, ForwardReason>()
  readonly #usedReplica = new Set<string>()
  readonly #answeredBy = new Set<MemberRole>()

  constructor(options: ScopeOptions) {
    super()
    this.role = options.role
    this.primaryRegion = options.primaryRegion
    this.replayed = options.replayed ?? false
    this.#staysHere = !options.canReplay
    this.#canReplay = options.canReplay
    const { forward = false } = options
    this.#forwardsAll = forward === true ? 'asked' : forward || undefined
    this.request = options.request
  }

  get state(): ScopeState {
    if (this.#refusal !== undefined) return 'replaying'
    return this.forwardReason === undefined ? 'open' : 'forwarding'
  }

  /** The refusal that made this scope `replaying`. */
  get refusal(): ReplayRequired | undefined {
    return this.#refusal
  }

  /** A refusal that came too late to replay: after headers were sent, or after contact with a writer. */
  get lostRefusal(): ReplayRequired | undefined {
    return this.#lostRefusal
  }

  /** Whether any statement of this scope went to a replica. */
  get usedReplica(): boolean {
    return this.#usedReplica.size > 0
  }

  /** What made this scope `forwarding`, first. */
  get forwardReason(): ForwardReason | undefined {
    const [first] = this.#forwarding.values()
    return first ?? this.#forwardsAll
  }

  /** Which members answered statements of this scope. */
  get answeredBy(): 'none' | MemberRole | 'both' {
    const [first = 'none', second] = this.#answeredBy
    return second === undefined ? first : 'both'
  }

  /** Whether a refusal now would replay the request. */
  get replayable(): boolean {
    return this.#canReplay && this.state === 'open'
  }

  /** Whether this work could not be replayed from its start, or {@link stayHere} was called. */
  get staysHere(): boolean {
    return this.#staysHere
  }

  /** The state as one cluster's connections see it. */
  view(cluster: string): ScopeView {
    const forwards = this.whyForward(cluster) !== undefined
    return {
      state: this.#refusal !== undefined ? 'replaying' : forwards ? 'forwarding' : 'open',
      replayable: this.replayable,
      staysHere: this.#staysHere,
      usedReplica: this.#usedReplica.has(cluster),
      replayed: this.replayed,
    }
  }

  /** What made work on this cluster forward, first. */
  whyForward(cluster: string): ForwardReason | undefined {
    return this.#forwarding.get(cluster) ?? this.#forwardsAll
  }

  /** Notes that a statement is about to go to a replica of this cluster. */
  enterReplica(cluster: string): void {
    this.#usedReplica.add(cluster)
  }

  /** Notes first contact with the writer of this cluster. A `replaying` scope must not get here. */
  enterWriter(cluster: string, because: ForwardReason = 'asked'): void {
    const reason = this.whyForward(cluster) ?? because
    if (!this.#forwarding.has(cluster)) this.#forwarding.set(cluster, reason)
  }

  /** From now on every cluster's work goes to its writer. */
  forwardAll(because: ForwardReason = 'asked'): void {
    this.#forwardsAll ??= because
  }

  /** Notes who answered a statement. */
  answered(member: MemberRole): void {
    this.#answeredBy.add(member)
  }

  /**
   * Notes a refusal and returns the error to throw: the first one of this scope, so that every later call meets the
   * same object; or, when the request cannot be replayed any more, one with `replayable: false`.
   */
  refuse(region: string, reason: ReplayReason, cause?: unknown): ReplayRequired {
    if (this.#refusal !== undefined) return this.#refusal
    const refusal = new ReplayRequired({ region, reason, cause, replayable: this.replayable })
    if (refusal.replayable) this.#refusal = refusal
    else this.#lostRefusal ??= refusal
    // One thrown out of sight of its scope was told where it was thrown.
    if (!isReplayRequired(cause)) tellRefusal(refusal, this.request)
    return refusal
  }

  /** The response has begun, or the work is over: replay is no longer possible. */
  seal(): void {
    this.#canReplay = false
  }

  /**
   * As {@link seal}, for work that goes on for long after its response has begun: from now on what a replica refuses runs on
   * the writer, where nothing is lost by it.
   */
  stayHere(): void {
    this.seal()
    if (this.#refusal === undefined) this.#staysHere = true
  }

  /**
   * The work is over. Checkouts left open are taken back, but only in a scope that ended in a replay: there nobody will
   * come back for them. Calling it again does nothing.
   */
  end(): void {
    this.seal()
    if (this.#refusal !== undefined) this.takeBack(this.#refusal)
  }
}
