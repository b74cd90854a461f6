import type { Role } from '../deployment/detect-deployment.js'
import type { ForwardReason, MemberRole, RequestStarted } from '../diagnostics/flyback-events.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import { isReplayRequired, type ReplayReason, ReplayRequired } from '../errors/replay-required.js'

/**
 * - `open`: nothing was refused and nothing was sent to the writer
 * - `replaying`: something was refused; nothing more is sent, and the request runs again in the primary region
 * - `forwarding`: something was sent to the writer; the work stays here and is never replayed
 *
 * First wins; neither reverses.
 */
export type ScopeState = 'open' | 'replaying' | 'forwarding'

/** Something a scope waits for. */
export interface Pending {
  /** Nothing of an answer is there yet: a refusal may still come. */
  readonly pending: boolean
}

/** A checkout that a scope can take back. */
export interface Reclaimable extends Pending {
  /** Destroys the connection; from then on its handle rejects with `refusal`. */
  reclaim(refusal: ReplayRequired): void
}

export interface ScopeOptions {
  readonly role: Role
  /** Where a replay would go; `undefined` in the role `single`. */
  readonly primaryRegion: string | undefined
  /**
   * Whether this work may still be replayed: a replay platform is there, and the request was not replayed before. If not, a
   * write that a replica refuses runs on the writer.
   */
  readonly canReplay: boolean
  /** Opens as `forwarding`, and why: every statement goes to the writer endpoint; `true` is `asked`. @default false */
  readonly forward?: boolean | ForwardReason
  /** This request was replayed to us by another region. @default false */
  readonly replayed?: boolean
  /** The request as it is told on diagnostics_channel. */
  readonly request?: RequestStarted | undefined
}

/** What the decision tables see of a scope, for one cluster. */
export interface ScopeView {
  readonly state: ScopeState
  /** A refusal now would replay the request. */
  readonly replayable: boolean
  /** It could not be replayed from its start, or stays by choice: what a replica refuses runs on the writer, where nothing is lost by it. */
  readonly staysHere: boolean
  /** A statement of this scope went to a replica of this cluster. */
  readonly usedReplica: boolean
  readonly replayed: boolean
}

/**
 * What is known about one piece of work: an HTTP request, a job, a socket message. State is kept per cluster (an app may
 * use two databases), but the request is one: contact with any writer ends replay, a refusal anywhere ends all sending.
 */
export class Scope {
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
  readonly #checkouts = new Set<Reclaimable>()
  readonly #calls = new Set<Pending>()

  constructor(options: ScopeOptions) {
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

  /** Whether a call waits for a connection or for an answer: a refusal may yet come. */
  get pending(): boolean {
    for (const { pending } of this.#calls) if (pending) return true
    for (const { pending } of this.#checkouts) if (pending) return true
    return false
  }

  /** Follows a call that has no checkout, until the function returned is called. */
  follow(call: Pending): () => void {
    this.#calls.add(call)
    return () => this.#calls.delete(call)
  }

  /** Remembers a checkout until {@link forget}. */
  remember(checkout: Reclaimable): void {
    this.#checkouts.add(checkout)
  }

  forget(checkout: Reclaimable): void {
    this.#checkouts.delete(checkout)
  }

  /**
   * The work is over. Checkouts left open are taken back, but only in a scope that ended in a replay: there nobody will
   * come back for them. Calling it again does nothing.
   */
  end(): void {
    this.seal()
    if (this.#refusal === undefined) return
    for (const checkout of this.#checkouts) checkout.reclaim(this.#refusal)
    this.#checkouts.clear()
  }
}
