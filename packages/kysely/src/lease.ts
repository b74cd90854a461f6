import {
  type Ask,
  type Connection,
  type Hint,
  NO_RETRY,
  refusalBeforeSending,
  type Scope,
  type ToldStatement,
  takesAdvisoryLock,
} from '@flyback/core'
import type { CompiledQuery, Driver } from 'kysely'
import { type Held, judge, leadsTo, type Source } from './held.js'
import { isKnownWrite, knownTag } from './known-writes.js'
import type { Tail } from './tail.js'

class GivenBack extends Error {
  constructor() {
    super('This connection has been given back.')
  }
}

/** How a statement failed. */
export interface Failed {
  readonly error: unknown
  /** Rows were delivered, or its caller does not want it any more. */
  readonly final: boolean
  readonly told: ToldStatement | undefined
  readonly query: CompiledQuery
}

/** A statement that was answered. */
export interface Answered {
  readonly scope: Scope | undefined
  readonly told: ToldStatement | undefined
  /** `undefined` when it is a part of a transaction that Kysely controls, which captures after its COMMIT. */
  readonly query: CompiledQuery | undefined
}

/**
 * A connection from its first statement to its release: where it is taken, and whether that first statement may run again
 * elsewhere. From then on it stays what it is.
 */
export class Lease {
  readonly source: Source
  hint: Hint = 'none'
  held: Held | undefined
  /** Kysely will want to cancel: it asks for that before it sends anything, and nothing may be taken yet. */
  collectsSessionInfo = false
  readonly #acquireArgs: Parameters<Driver['acquireConnection']>
  /** Nothing was answered on {@link held} yet. */
  #fresh = true
  #released = false

  constructor(source: Source, acquireArgs: Parameters<Driver['acquireConnection']>) {
    this.source = source
    this.#acquireArgs = acquireArgs
  }

  /** The connection of a transaction that has begun. */
  taken(): Held {
    if (this.held === undefined) throw new GivenBack()
    return this.held
  }

  /** Whether and where a statement may go, before anything is taken or sent. @throws ReplayRequired */
  choose(scope: Scope | undefined, query: CompiledQuery | undefined): Ask {
    if (this.#released) throw new GivenBack()
    const { router } = this.source.routing
    const { held } = this
    const hint = this.hint === 'none' && query !== undefined ? this.#hintOf(query) : this.hint
    if (held === undefined) return { scope, hint, endpoint: router.choose(scope, hint), attempt: 0 }
    // The connection would refuse as well; but Kysely's driver adds to the stack of what it throws, each time.
    if (scope?.refusal !== undefined) throw scope.refusal
    // When the scope forwards, this passes, and the connection refuses: it would read the past.
    if (hint === 'write' && leadsTo(held) === 'replica') router.choose(scope, hint)
    return { scope, hint, endpoint: held.endpoint, attempt: 0 }
  }

  #hintOf(query: CompiledQuery): Hint {
    const { router, settings } = this.source.routing
    if (router.role !== 'replica') return 'none'
    const locks = settings.refuseAdvisoryLocks && takesAdvisoryLock(query.sql)
    return locks || isKnownWrite(query.query) ? 'write' : 'none'
  }

  async take(ask: Ask, abandon: () => Promise<void>): Promise<Held> {
    if (this.held !== undefined) return this.held
    if (this.#released) throw new GivenBack()
    const held = await this.source.take(ask, this.#acquireArgs)
    if (this.#released) {
      // Nobody waited for it, and nobody else knows of it.
      await held.driver.releaseConnection(held.connection).catch(() => {})
      throw new GivenBack()
    }
    this.held = held
    this.#fresh = true
    held.known?.lend(ask.scope, () => {
      if (!this.#released) void abandon()
    })
    return held
  }

  /** What has to be done, and waited for, before a statement goes out. */
  async prepare(
    { connection }: Held,
    options: { readonly signal?: AbortSignal | undefined } | undefined,
  ): Promise<void> {
    // Kysely looks when it has a connection, which it had before this one was taken.
    options?.signal?.throwIfAborted()
    if (this.collectsSessionInfo) await connection.collectSessionInfo?.()
  }

  /** The last thing before a statement goes out, at once: a connection given back meanwhile is another's. */
  beforeSending(
    held: Held,
    { scope, attempt }: Ask,
    query: CompiledQuery,
  ): ToldStatement | undefined {
    if (this.held !== held) throw new GivenBack()
    const { known } = held
    const refusal = known && refusalBeforeSending(known, scope, query.sql)
    if (refusal !== undefined) throw refusal
    return known?.beginSending(scope, attempt)
  }

  /** Resolves when what was committed is in the scope (rule 6). */
  async answered({ known }: Held, { scope, told, query }: Answered): Promise<void> {
    this.#fresh = false
    if (known === undefined) return
    known.endSending(scope, told)
    if (query !== undefined) await captureIfOwed(known, scope, knownTag(query.query))
    known.busy = false
  }

  /** Like {@link answered}; throws when the rows ended because their request is over. */
  async streamed(held: Held, answered: Answered): Promise<void> {
    await this.answered(held, answered)
    const { known } = held
    const refusal = known?.reclaimedBy
    if (refusal !== undefined) throw refusal
  }

  /**
   * Where a failed statement may run again; throws what its caller gets otherwise.
   */
  async again(held: Held, ask: Ask, { error, final, told, query }: Failed): Promise<Ask> {
    if (error instanceof GivenBack) throw error
    const retryable = this.#fresh && !final
    const attempt = retryable ? { retryable, attempt: ask.attempt } : NO_RETRY
    const remedy = judge(held, ask.scope, attempt, error, told, query.sql)
    this.#fresh = false
    if (held.known !== undefined) held.known.busy = false
    if (remedy.type !== 'retry') throw remedy.error
    await this.#giveBack()
    return { ...ask, endpoint: remedy.on, attempt: ask.attempt + 1 }
  }

  async release(...args: Tail<Parameters<Driver['releaseConnection']>>): Promise<void> {
    this.#released = true
    await this.#giveBack(...args)
  }

  async #giveBack(...args: Tail<Parameters<Driver['releaseConnection']>>): Promise<void> {
    const { held } = this
    this.held = undefined
    held?.known?.giveBack()
    await held?.driver.releaseConnection(held.connection, ...args)
  }
}

/** Puts what a connection of a foreign dialect has committed into the scope, if it has to be there. */
export async function captureIfOwed(
  known: Connection,
  scope: Scope | undefined,
  tag: string | undefined,
): Promise<void> {
  if (scope !== undefined && known.owesCapture(scope, [tag])) await known.capture(scope)
}
