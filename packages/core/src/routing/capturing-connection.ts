import type { Scope } from '../scope/scope-state.js'
import type { MemberProof } from '../tokens/member-proof.js'
import {
  IDENTITY_STATEMENT,
  type MemberAnswer,
  POSITION_STATEMENT,
} from '../tokens/member-statement.js'
import { stepBackOverPageHeader } from '../tokens/page-header.js'
import { nowSeconds, type Position } from '../tokens/token.js'
import { MemberConnection } from './member-connection.js'
import { beginsTransaction, declaresReadOnly, mayDeclareReadWrite } from './statement.js'

/** What is only read, by its command tag; and what is undone. Everything else may have written. */
const READS: ReadonlySet<string> = new Set(['SELECT', 'SHOW', 'FETCH'])

/** A connection that puts the position of what was committed on it into the scope. */
export abstract class CapturingConnection extends MemberConnection {
  /** The open transaction was declared READ ONLY. */
  #isReadOnly = false
  /** Nothing was sent since it began. */
  #hasJustBegun = false

  /** A statement is about to go out. Its text counts for nothing but whether a transaction was declared READ ONLY. */
  hear(text: string | undefined): void {
    if (this.status === 'I') this.#isReadOnly = text !== undefined && declaresReadOnly(text)
    else if (text === undefined || mayDeclareReadWrite(text)) this.#isReadOnly = false
    else if (this.#hasJustBegun && declaresReadOnly(text)) this.#isReadOnly = true
    this.#hasJustBegun = this.status === 'I' && text !== undefined && beginsTransaction(text)
  }

  /**
   * Whether what a statement did has to be in the scope before its call resolves. Ask when its answer has come to an end.
   *
   * @param tags its command tags, without row counts; several for several statements in one text
   */
  owesCapture(scope: Scope | undefined, tags: readonly (string | undefined)[]): boolean {
    if (scope === undefined || !scope.captures || scope.refusal !== undefined || this.lost) {
      return false
    }
    const { monotonic } = scope.consistency
    const [tag] = tags
    if (this.#isReadOnly && tags.length === 1 && tag === 'COMMIT' && !monotonic) return false
    if (this.status !== 'I') {
      // COMMIT AND CHAIN: it has committed, and is in a transaction again.
      return this.leadsTo === 'writer' && tags.includes('COMMIT')
    }
    if (monotonic || (this.leadsTo === 'writer' && (scope.mayWrite || scope.tokens.hasOldPin))) {
      return true
    }
    return (
      this.leadsTo === 'writer' &&
      tags.some((one) => one === undefined || !(READS.has(one) || one === 'ROLLBACK'))
    )
  }

  /**
   * Asks what {@link capture} will ask. A driver that pipelines sends it right behind the statement that commits, where it costs no
   * round trip of its own: the server takes it up when that statement has ended (rule 7). Never leaves a rejection unhandled.
   */
  askAhead(): Promise<readonly unknown[]> {
    const answer = this.ask(this.#asksIdentity ? IDENTITY_STATEMENT : POSITION_STATEMENT)
    answer.catch(() => {})
    return answer
  }

  /**
   * Captures the position of what was committed, or seen, and puts it, or a pin, into the scope (rule 6). Never rejects.
   *
   * @param asked what {@link askAhead} gave
   */
  async capture(scope: Scope, asked?: Promise<readonly unknown[]>): Promise<void> {
    const position =
      this.status === 'I' ? await this.#position(asked).catch(() => undefined) : undefined
    if (position === undefined) scope.tokens.pin()
    else scope.tokens.add(position)
  }

  /** A standby may have followed to a new timeline since, or been promoted to one: what is seen there counts for that. */
  get #asksIdentity(): boolean {
    return !this.proof.isOnTimeline
  }

  async #position(asked?: Promise<readonly unknown[]>): Promise<Position | undefined> {
    const isWriter = this.leadsTo === 'writer'
    const answer = await this.askMember(this.#asksIdentity, asked)
    const { cluster, timeline } = this.proof
    if (answer === undefined || cluster === undefined || timeline === 0) return undefined
    if (answer.inRecovery === isWriter) return undefined
    return {
      type: 'position',
      cluster,
      timeline,
      lsn: seenIn(answer, this.proof),
      issuedAt: nowSeconds(),
    }
  }
}

/** The position up to which everything was committed, or visible, when the member answered. */
function seenIn(
  { inRecovery, lsn, ahead, commitsAsynchronously }: MemberAnswer,
  { segmentBytes }: MemberProof,
): bigint {
  // A commit is visible on a standby a moment before it counts as replayed: the record after the last may be one.
  if (inRecovery) return ahead === lsn ? lsn : lsn + 1n
  return commitsAsynchronously && ahead !== undefined
    ? stepBackOverPageHeader(ahead, segmentBytes)
    : lsn
}
