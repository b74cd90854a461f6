import type { Scope } from '../scope/scope-state.js'
import { MemberProof } from '../tokens/member-proof.js'
import {
  IDENTITY_STATEMENT,
  type MemberAnswer,
  POSITION_STATEMENT,
  readMember,
} from '../tokens/member-statement.js'
import { stepBackOverPageHeader } from '../tokens/page-header.js'
import { nowSeconds, type Position } from '../tokens/token.js'
import { waitStatement } from '../tokens/wait-for-lsn.js'
import { type ConnectionFacts, type EndpointName, unknownFacts } from './connection-facts.js'
import { type Freshness, lackedBy, replicaFreshness, writerFreshness } from './freshness.js'
import { identifyCluster } from './known-clusters.js'
import { Lendable } from './lendable.js'
import type { Link } from './link.js'
import { beginsTransaction, declaresReadOnly, mayDeclareReadWrite } from './statement.js'

/** A member that does not answer for so long is taken for dead: the statement is a trivial one. */
const ANSWER_LIMIT_MS = 5000

/** What is only read, by its command tag; and what is undone. Everything else may have written. */
const READS: ReadonlySet<string> = new Set(['SELECT', 'SHOW', 'FETCH'])

/** What a connection knows of the member behind it, and how it asks. */
export abstract class MemberConnection extends Lendable {
  readonly link: Link
  readonly facts: ConnectionFacts = unknownFacts()
  readonly proof: MemberProof = new MemberProof()
  /** `I` idle, `T` in a transaction, `E` in a failed one; as of the last answer. */
  status: string = 'I'
  /** The connection has ended. Some drivers' errors do not say so. */
  lost = false
  /** The open transaction was declared READ ONLY. */
  #isReadOnly = false
  /** Nothing was sent since it began. */
  #hasJustBegun = false
  /** It did not answer a question of ours in time: an answer may still come, to nobody. */
  protected isSilent = false

  constructor(link: Link) {
    super()
    this.link = link
  }

  /**
   * Sends one statement of ours past all checks, and resolves to the columns of its first row, as text. Rejects with whatever the
   * driver rejects with.
   */
  abstract ask(statement: string): Promise<readonly unknown[]>

  /** Where this connection leads in fact: a replica that was promoted is a writer. */
  get leadsTo(): EndpointName {
    return this.facts.inHotStandby === false ? 'writer' : this.link.endpoint
  }

  /** It has ended, or will not answer: nobody must get it again. */
  get isUseless(): boolean {
    return this.lost || this.isSilent
  }

  /**
   * How its member stands to what a scope's reads must have seen.
   *
   * @param asked it was asked just now, whether or not it has answered
   * @param isPrimary it has answered that it is the primary
   */
  freshness(
    scope: Scope | undefined,
    asked: boolean,
    floor?: Position | null,
    isPrimary = false,
  ): Freshness {
    const { link, proof } = this
    if (link.endpoint === 'replica') return replicaFreshness({ scope, proof, asked, floor })
    const { router, end } = link
    const isNear = router.role !== 'replica' || scope?.whyForward(router.cluster) === 'stale'
    return writerFreshness({ scope, proof, end, asked, isPrimary, isNear })
  }

  /** What its member lacks of that. */
  lackedBy(scope: Scope | undefined, floor?: Position | null): Position | undefined {
    return lackedBy({ scope, proof: this.proof, asked: true, floor })
  }

  /** Whether its member has to be asked who it is, not only where. */
  lacksIdentity(scope: Scope | undefined, floor?: Position | null): boolean {
    const { proof } = this
    const needed = [...(scope?.tokens.required ?? []), floor]
    return (
      proof.cluster === undefined ||
      needed.some((entry) => entry?.type === 'position' && entry.timeline > proof.timeline)
    )
  }

  /** Asks the member where it is. Resolves to `undefined` when it does not say; rejects when the connection is of no use any more. */
  async askMember(
    withIdentity: boolean,
    asked?: Promise<readonly unknown[]>,
  ): Promise<MemberAnswer | undefined> {
    const statement = withIdentity ? IDENTITY_STATEMENT : POSITION_STATEMENT
    const answer = readMember(await this.#inTime(asked ?? this.ask(statement)))
    if (answer === undefined) return undefined
    const { proof, link } = this
    proof.learn(answer)
    if (answer.cluster !== undefined) identifyCluster(link.router.cluster, answer.cluster)
    if (answer.inRecovery) link.watcher.saw(answer.lsn)
    else if (link.endpoint === 'writer') link.end.follow(proof)
    return answer
  }

  /** Lets a server that can do that wait for a position by itself, for a moment. */
  async awaitMember({ lsn }: Position): Promise<void> {
    const statement = waitStatement(this.facts.serverVersion, lsn)
    if (statement !== undefined) await this.#inTime(this.ask(statement))
  }

  async #inTime(answer: Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const silence = new Promise<readonly unknown[]>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.isSilent = true
        reject(new Error('The member did not answer'))
      }, ANSWER_LIMIT_MS)
    })
    try {
      return await Promise.race([answer, silence])
    } catch (error) {
      if (this.isUseless) throw error
      return []
    } finally {
      clearTimeout(timer)
    }
  }

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
    const answer = this.ask(
      this.proof.cluster === undefined ? IDENTITY_STATEMENT : POSITION_STATEMENT,
    )
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

  async #position(asked?: Promise<readonly unknown[]>): Promise<Position | undefined> {
    const isWriter = this.leadsTo === 'writer'
    const answer = await this.askMember(this.proof.cluster === undefined, asked)
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
