import type { Scope } from '../scope/scope-state.js'
import { MemberProof } from '../tokens/member-proof.js'
import {
  IDENTITY_STATEMENT,
  type MemberAnswer,
  POSITION_STATEMENT,
  readMember,
} from '../tokens/member-statement.js'
import type { Position } from '../tokens/token.js'
import { waitStatement } from '../tokens/wait-for-lsn.js'
import { type ConnectionFacts, type EndpointName, unknownFacts } from './connection-facts.js'
import { type Freshness, lackedBy, replicaFreshness, writerFreshness } from './freshness.js'
import { identifyCluster } from './known-clusters.js'
import { Lendable } from './lendable.js'
import type { Link } from './link.js'

/** A member that does not answer for so long is taken for dead: the statement is a trivial one. */
const ANSWER_LIMIT_MS = 5000

/** What a connection knows of the member behind it, and how it asks. */
export abstract class MemberConnection extends Lendable {
  readonly link: Link
  readonly facts: ConnectionFacts = unknownFacts()
  readonly proof: MemberProof = new MemberProof()
  /** `I` idle, `T` in a transaction, `E` in a failed one; as of the last answer. */
  status: string = 'I'
  /** The connection has ended. Some drivers' errors do not say so. */
  lost = false
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
    if (answer.inRecovery) link.watcher.saw(answer.lsn, answer.ahead)
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
}
