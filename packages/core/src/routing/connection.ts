import { tellPrimaryUnavailable } from '../diagnostics/tell-primary-unavailable.js'
import { memberOf, type ToldStatement, tellStatement } from '../diagnostics/tell-statement.js'
import { classifyError, sqlstateOf } from '../errors/classify-error.js'
import { CommitUnknown } from '../errors/commit-unknown.js'
import { isPrimaryUnavailable, type PrimaryUnavailable } from '../errors/primary-unavailable.js'
import { isReplayRequired, type ReplayRequired } from '../errors/replay-required.js'
import type { Scope } from '../scope/scope-state.js'
import type { Attempt } from './attempt.js'
import { CapturingConnection } from './capturing-connection.js'
import { learnParameter } from './connection-facts.js'
import { type Link, mayProbe } from './link.js'
import { rememberOrigin } from './origin-of.js'
import type { Remedy } from './router.js'
import { isCommit, mayCommitBeforeItsEnd, mayCommitInPart } from './statement.js'

/**
 * What is known of one connection: its facts, its transaction, the refusal it met. A driver's adapter extends it with how it
 * hears of them.
 */
export abstract class Connection extends CapturingConnection {
  readonly epoch: number
  /** What the open transaction was refused with first: it cannot commit. */
  firstRefusal: ReplayRequired | PrimaryUnavailable | undefined
  /** The primary announced a read-only default, and a new connection may find that over. */
  wantsProbe = false
  /** The scope in which the open transaction began. */
  #beganIn: Scope | undefined

  constructor(link: Link) {
    super(link)
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

  /**
   * What to do about the error a statement of this connection was answered with. Marks the scope.
   *
   * @param text its SQL: a COMMIT whose outcome nobody knows is reported as such (rule 18)
   */
  judge(
    scope: Scope | undefined,
    { retryable, attempt }: Attempt,
    error: unknown,
    told?: ToldStatement,
    text?: string,
  ): Remedy {
    this.#learnRole(scope)
    const unknown = this.#isOutcomeUnknown(error, text)
    // What may have been committed, must be seen.
    if ((unknown || this.#mayHaveCommitted(text)) && scope?.captures === true) scope.tokens.pin()
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
    if (remedy.type !== 'throw') return remedy
    this.note(remedy.error, scope)
    return unknown && remedy.error === error && text !== undefined && isCommit(text)
      ? { type: 'throw', error: new CommitUnknown(error) }
      : remedy
  }

  /** Whether what failed may have been committed all the same: nobody has said that it was not. */
  #isOutcomeUnknown(error: unknown, text: string | undefined): boolean {
    if (this.leadsTo !== 'writer') return false
    // A transaction whose connection ends is rolled back, unless it was about to commit.
    if (this.status !== 'I' && text !== undefined && !isCommit(text)) return false
    return this.lost || sqlstateOf(error) === undefined || classifyError(error) === 'unavailable'
  }

  /** Whether a part of a text that failed may have been committed. The status is still that of before it. */
  #mayHaveCommitted(text: string | undefined): boolean {
    if (this.leadsTo !== 'writer' || text === undefined) return false
    return this.status === 'I' ? mayCommitInPart(text) : mayCommitBeforeItsEnd(text)
  }

  /** Remembers what an error means for this connection, and that it came from it. */
  note(error: unknown, scope: Scope | undefined): void {
    if (typeof error === 'object' && error !== null) {
      // A transaction reports what it met first again and again.
      if (rememberOrigin(error, this)) tellPrimaryUnavailable(error, scope?.request)
    }
    if (isReplayRequired(error)) this.firstRefusal ??= error
    if (!isPrimaryUnavailable(error)) return
    if (this.status !== 'I') this.firstRefusal ??= error
    if (error.reason === 'read-only') this.wantsProbe = true
  }

  /** Whether a connection that still works must not serve again. Ask once, when it is given back. */
  mustGo(): boolean {
    const { link, facts } = this
    if (this.isReclaimed || this.isSilent) return true
    if (link.endpoint === 'writer' && facts.inHotStandby === true) return true
    // Only a new session sees that a read-only default is over.
    return this.wantsProbe && mayProbe(link)
  }
}
