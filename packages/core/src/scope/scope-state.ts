import type { Role } from '../deployment/detect-deployment.js'
import type { ForwardReason, MemberRole, RequestStarted } from '../diagnostics/flyback-events.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import type { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import { isReplayRequired, type ReplayReason, ReplayRequired } from '../errors/replay-required.js'
import { type Consistency, type ConsistencyRules, readConsistency } from '../tokens/consistency.js'
import { type Place, takePlace } from '../tokens/fallbacks.js'
import { ScopeTokens } from '../tokens/scope-tokens.js'
import { OpenWork } from './open-work.js'
import type { ScopeOptions } from './scope-options.js'
import type { ScopeState, ScopeView } from './scope-view.js'

/** What changes as the work goes on. */
interface Progress {
  staysHere: boolean
  canReplay: boolean
  mayWrite: boolean
  forwardsAll: ForwardReason | undefined
  refusal: ReplayRequired | undefined
  lostRefusal: ReplayRequired | undefined
  denial: PrimaryUnavailable | undefined
  place: Place | undefined
}

/**
 * What is known about one piece of work: an HTTP request, a job, a socket message. State is kept per cluster (an app may
 * use two databases), but the request is one: contact with any writer ends replay, a refusal anywhere ends all sending.
 */
export class Scope extends OpenWork {
  readonly role: Role
  readonly primaryRegion: string | undefined
  readonly replayed: boolean
  readonly request: RequestStarted | undefined
  readonly consistency: ConsistencyRules
  readonly tokens: ScopeTokens
  /** Whether what is committed is captured. */
  readonly captures: boolean
  readonly #options: ScopeOptions
  readonly #progress: Progress
  readonly #root: Scope | undefined
  readonly #forwarding: Map<string, ForwardReason>
  readonly #usedReplica: Set<string>
  readonly #answeredBy: Set<MemberRole>

  /** @param root the work this is a part of: all is shared with it but the level of consistency */
  constructor(options: ScopeOptions, root?: Scope) {
    super(root)
    this.role = options.role
    this.primaryRegion = options.primaryRegion
    this.replayed = options.replayed ?? false
    this.request = options.request
    this.captures = options.captures ?? true
    this.consistency = readConsistency(options.consistency ?? 'session', 'consistency')
    this.tokens = root?.tokens ?? new ScopeTokens(options.token ?? [], options.onCapture)
    this.#options = options
    this.#root = root
    this.#progress = root === undefined ? begin(options) : root.#progress
    this.#forwarding = root === undefined ? new Map() : root.#forwarding
    this.#usedReplica = root === undefined ? new Set() : root.#usedReplica
    this.#answeredBy = root === undefined ? new Set() : root.#answeredBy
  }

  /** The whole work that this is a part of, or itself. */
  get root(): Scope {
    return this.#root ?? this
  }

  /** The same work with another level of consistency. @throws ConfigurationError */
  with(consistency: Consistency): Scope {
    return new Scope({ ...this.#options, consistency }, this.root)
  }

  get state(): ScopeState {
    if (this.#progress.refusal !== undefined) return 'replaying'
    return this.forwardReason === undefined ? 'open' : 'forwarding'
  }

  /** The refusal that made this scope `replaying`. */
  get refusal(): ReplayRequired | undefined {
    return this.#progress.refusal
  }

  /** A refusal that came too late to replay: after headers were sent, or after contact with a writer. */
  get lostRefusal(): ReplayRequired | undefined {
    return this.#progress.lostRefusal
  }

  /** Why nothing serves this work now: it sends nothing more, and is answered with 503. */
  get denial(): PrimaryUnavailable | undefined {
    return this.#progress.denial
  }

  /** Whether any statement of this scope went to a replica. */
  get usedReplica(): boolean {
    return this.#usedReplica.size > 0
  }

  /** What made this scope `forwarding`, first. */
  get forwardReason(): ForwardReason | undefined {
    const [first] = this.#forwarding.values()
    return first ?? this.#progress.forwardsAll
  }

  /** Which members answered statements of this scope. */
  get answeredBy(): 'none' | MemberRole | 'both' {
    const [first = 'none', second] = this.#answeredBy
    return second === undefined ? first : 'both'
  }

  /** Whether a refusal now would replay the request. */
  get replayable(): boolean {
    return this.#progress.canReplay && this.state === 'open'
  }

  /** Whether this work could not be replayed from its start, or {@link stayHere} was called. */
  get staysHere(): boolean {
    return this.#progress.staysHere
  }

  /** Whether statements on the writer that look like reads may have written: not where only reads are sent there. */
  get mayWrite(): boolean {
    const { forwardReason } = this
    return (
      this.#progress.mayWrite || (forwardReason !== undefined && !READS_ONLY.has(forwardReason))
    )
  }

  /** The state as one cluster's connections see it. */
  view(cluster: string): ScopeView {
    const { refusal, staysHere } = this.#progress
    const forwards = this.whyForward(cluster) !== undefined
    return {
      state: refusal !== undefined ? 'replaying' : forwards ? 'forwarding' : 'open',
      replayable: this.replayable,
      staysHere,
      usedReplica: this.#usedReplica.has(cluster),
      replayed: this.replayed,
      strong: this.consistency.strong,
    }
  }

  /** What made work on this cluster forward, first. */
  whyForward(cluster: string): ForwardReason | undefined {
    return this.#forwarding.get(cluster) ?? this.#progress.forwardsAll
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
    this.#progress.forwardsAll ??= because
  }

  /** Notes who answered a statement. */
  answered(member: MemberRole): void {
    this.#answeredBy.add(member)
  }

  /**
   * From now on statements on the primary are captured whatever they look like; what went there already may have written, and
   * is pinned.
   */
  markWrite(): void {
    this.#progress.mayWrite = true
    if (this.#answeredBy.has('primary')) this.tokens.pin()
  }

  /**
   * Notes a refusal and returns the error to throw: the first one of this scope, so that every later call meets the
   * same object; or, when the request cannot be replayed any more, one with `replayable: false`.
   */
  refuse(region: string, reason: ReplayReason, cause?: unknown): ReplayRequired {
    const progress = this.#progress
    if (progress.refusal !== undefined) return progress.refusal
    const refusal = new ReplayRequired({ region, reason, cause, replayable: this.replayable })
    if (refusal.replayable) progress.refusal = refusal
    else progress.lostRefusal ??= refusal
    // One thrown out of sight of its scope was told where it was thrown.
    if (!isReplayRequired(cause)) tellRefusal(refusal, this.request)
    return refusal
  }

  /** Notes that nothing serves this work now, and returns the error to throw: the first one. */
  deny(denial: PrimaryUnavailable): PrimaryUnavailable {
    this.#progress.denial ??= denial
    return this.#progress.denial
  }

  /** Whether this work may fall back on the primary: a place was free, or it has one. @param limit how many there are */
  takePlace(limit: number): boolean {
    this.#progress.place ??= takePlace(limit)
    return this.#progress.place !== undefined
  }

  /** The response has begun, or the work is over: replay is no longer possible. */
  seal(): void {
    this.#progress.canReplay = false
  }

  /**
   * As {@link seal}, for work that goes on for long after its response has begun: from now on what a replica refuses runs on
   * the writer, where nothing is lost by it.
   */
  stayHere(): void {
    this.seal()
    if (this.#progress.refusal === undefined) this.#progress.staysHere = true
  }

  /**
   * The work is over. Checkouts left open are taken back, but only in a scope that ended in a replay: there nobody will
   * come back for them. Calling it again does nothing.
   */
  end(): void {
    this.seal()
    const { refusal, place } = this.#progress
    if (refusal === undefined) place?.giveBack()
    else {
      place?.replay()
      this.takeBack(refusal)
    }
  }
}

/** What sends reads to the writer. */
const READS_ONLY: ReadonlySet<ForwardReason> = new Set([
  'no-replica',
  'replica-down',
  'recovery-conflict',
  'promoted',
  'stale',
  'strong',
])

function begin(options: ScopeOptions): Progress {
  const { canReplay, forward = false, replayed = false, mayWrite = replayed } = options
  return {
    staysHere: !canReplay,
    canReplay,
    mayWrite,
    forwardsAll: forward === true ? 'asked' : forward || undefined,
    refusal: undefined,
    lostRefusal: undefined,
    denial: undefined,
    place: undefined,
  }
}
