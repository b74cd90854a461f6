import {
  type Ask,
  findReplayRequired,
  type Hint,
  isReplayRequired,
  NO_RETRY,
  type ReplayRequired,
  type Scope,
  takesAdvisoryLock,
} from '@flyback/core'
import { currentScope, runOutsideScope } from '@flyback/core/scope'
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { type Held, judge, leadsTo, type Source } from './held.js'
import { isKnownWrite } from './known-writes.js'
import { withMembers } from './with-members.js'

type Rest<Method extends 'executeQuery' | 'streamQuery'> =
  Parameters<DatabaseConnection[Method]> extends [CompiledQuery, ...infer Others] ? Others : never
type ControlConnectionProvider = Parameters<NonNullable<DatabaseConnection['cancelQuery']>>[0]

/**
 * Kysely asks for a connection before it knows the query. This one is taken when its first statement is known, stays what
 * it is from then on, and is exchanged only if that first statement may run again elsewhere.
 */
export class LazyConnection implements DatabaseConnection {
  readonly #source: Source
  readonly #acquireArgs: Parameters<Driver['acquireConnection']>
  #hint: Hint = 'none'
  #held: Held | undefined
  /** Nothing was answered on {@link #held} yet. */
  #fresh = true
  #released = false
  #inTransaction = false
  /** What the open transaction was refused with: the rest of it is, too, as on a server. */
  #refusal: ReplayRequired | undefined
  /** The scope of the first statement, for what comes without one. */
  #scope: Scope | undefined
  /** A statement of ours that goes out whatever the transaction was refused with. */
  #ending: 'rollback' | 'rollback to savepoint' | undefined
  #collects = false

  constructor(source: Source, acquireArgs: Parameters<Driver['acquireConnection']>) {
    this.#source = source
    this.#acquireArgs = acquireArgs
  }

  /** Asks for the primary. @throws ReplayRequired when a statement went to the replica on this connection before */
  preferPrimary(): void {
    if (this.#held === undefined) this.#hint = 'primary'
    else if (leadsTo(this.#held) === 'replica') {
      throw this.#source.routing.router.refuse(currentScope(), 'mixed-reads')
    }
  }

  async executeQuery<R>(
    query: CompiledQuery,
    ...rest: Rest<'executeQuery'>
  ): Promise<QueryResult<R>> {
    const scope = currentScope()
    if (this.#ending !== undefined) return await this.#end(query, rest)
    let ask = this.#admit(scope, query)
    for (;;) {
      const held = await this.#take(ask)
      try {
        await this.#prepare(held, scope, query, rest[0])
        const result = await held.connection.executeQuery<R>(query, ...rest)
        this.#answered(held, scope)
        return result
      } catch (error) {
        ask = await this.#again(held, ask, error, this.#fresh)
      }
    }
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    ...rest: Rest<'streamQuery'>
  ): AsyncIterableIterator<QueryResult<R>> {
    const scope = currentScope()
    let ask = this.#admit(scope, query)
    for (let delivered = false; ; ) {
      const held = await this.#take(ask)
      try {
        await this.#prepare(held, scope, query, rest[1])
        for await (const rows of held.connection.streamQuery<R>(query, ...rest)) {
          delivered = true
          yield rows
        }
        this.#answered(held, scope)
        return
      } catch (error) {
        ask = await this.#again(held, ask, error, this.#fresh && !delivered)
      }
    }
  }

  async begin(settings: Parameters<Driver['beginTransaction']>[1]): Promise<void> {
    const held = await this.#take(this.#admit(currentScope(), undefined))
    await held.driver.beginTransaction(this.#logged(held), settings)
    this.#inTransaction = true
    // BEGIN may have run elsewhere than it was first sent.
    if (this.#held?.known !== undefined) this.#held.known.status = 'T'
  }

  async commit(): Promise<void> {
    // A refused transaction answers COMMIT with ROLLBACK, which some drivers do not tell; or it never knew.
    if (this.#refusal !== undefined) throw this.#refusal
    const held = this.#taken()
    try {
      await held.driver.commitTransaction(this.#logged(held))
    } finally {
      this.#transactionOver(held)
    }
  }

  async rollback(): Promise<void> {
    const held = this.#taken()
    const refusal = this.#refusal
    const scope = currentScope() ?? this.#scope
    // A refused scope sends nothing more: a pool of Flyback's ends the transaction itself when it is given back.
    const endsItself = scope?.refusal !== undefined && held.known === undefined
    this.#ending = 'rollback'
    try {
      if (!endsItself) await held.driver.rollbackTransaction(this.#logged(held))
    } catch (error) {
      throw refusal ?? error
    } finally {
      this.#ending = undefined
      this.#transactionOver(held)
    }
  }

  /** Runs a savepoint command of the inner driver. */
  async savepoint(
    method: 'savepoint' | 'rollbackToSavepoint' | 'releaseSavepoint',
    ...args: [name: string, compile: Parameters<NonNullable<Driver['savepoint']>>[2]]
  ): Promise<void> {
    const held = this.#taken()
    const goesBack = method === 'rollbackToSavepoint'
    const refusal = currentScope()?.refusal
    if (refusal !== undefined) throw refusal
    if (goesBack) this.#ending = 'rollback to savepoint'
    try {
      await held.driver[method]?.(this.#logged(held), ...args)
    } finally {
      this.#ending = undefined
    }
    if (!goesBack) return
    // What was refused came after the savepoint: nothing runs in a refused transaction, a savepoint neither.
    this.#refusal = undefined
    if (held.known !== undefined) held.known.firstRefusal = undefined
  }

  async cancelQuery(): Promise<void> {
    await this.#control('cancelQuery')
  }

  async killSession(): Promise<void> {
    await this.#control('killSession')
  }

  /** Kysely prepares for cancelling before it sends the query: nothing may be taken yet. */
  async collectSessionInfo(): Promise<void> {
    this.#collects = true
    await this.#held?.connection.collectSessionInfo?.()
  }

  async release(
    ...args: Parameters<Driver['releaseConnection']> extends [unknown, ...infer Others]
      ? Others
      : never
  ): Promise<void> {
    this.#released = true
    const held = this.#held
    this.#held = undefined
    held?.known?.giveBack()
    await held?.driver.releaseConnection(held.connection, ...args)
  }

  /** Whether and where a statement may go, before anything is taken or sent. */
  #admit(scope: Scope | undefined, query: CompiledQuery | undefined): Ask {
    if (this.#released) throw new Error('This connection has been given back.')
    const { router } = this.#source.routing
    const held = this.#held
    try {
      if (this.#refusal !== undefined) throw this.#refusal
      const hint = this.#hint === 'none' && query !== undefined ? this.#hintOf(query) : this.#hint
      if (held === undefined) {
        return { scope, hint, endpoint: router.choose(scope, hint), attempt: 0 }
      }
      if (scope?.refusal !== undefined) throw scope.refusal
      // When the scope forwards, this passes, and the connection refuses: it would read the past.
      if (hint === 'write' && leadsTo(held) === 'replica') router.choose(scope, hint)
      return { scope, hint, endpoint: held.endpoint, attempt: 0 }
    } catch (error) {
      throw this.#noted(error)
    }
  }

  #hintOf(query: CompiledQuery): Hint {
    const { router, settings } = this.#source.routing
    if (router.role !== 'replica') return 'none'
    const locks = settings.refuseAdvisoryLocks && takesAdvisoryLock(query.sql)
    return locks || isKnownWrite(query.query) ? 'write' : 'none'
  }

  async #take(ask: Ask): Promise<Held> {
    if (this.#held !== undefined) return this.#held
    const held = await this.#source.take(ask, this.#acquireArgs)
    this.#held = held
    this.#fresh = true
    this.#scope = ask.scope
    held.known?.lend(ask.scope, () => void this.#abandon(held))
    return held
  }

  /** The last thing before a statement goes out. */
  async #prepare(
    { known, connection }: Held,
    scope: Scope | undefined,
    query: CompiledQuery,
    options: { readonly signal?: AbortSignal | undefined } | undefined,
  ): Promise<void> {
    // Kysely looks after it has a connection, which it had before this one was taken.
    options?.signal?.throwIfAborted()
    if (this.#collects) await connection.collectSessionInfo?.()
    const refusal = known?.refusalBeforeSending(scope, query.sql)
    if (refusal !== undefined) throw refusal
    known?.beginSending(scope)
  }

  #answered({ known }: Held, scope: Scope | undefined): void {
    this.#fresh = false
    if (known === undefined) return
    known.busy = false
    known.endSending(scope)
  }

  /** Where a failed statement may run again; throws what its caller gets otherwise. */
  async #again(held: Held, ask: Ask, error: unknown, retryable: boolean): Promise<Ask> {
    const attempt = retryable ? { retryable, attempt: ask.attempt } : NO_RETRY
    const remedy = judge(held, ask.scope, attempt, error)
    this.#fresh = false
    if (held.known !== undefined) held.known.busy = false
    if (remedy.type !== 'retry') throw this.#noted(remedy.error)
    this.#held = undefined
    held.known?.giveBack()
    await held.driver.releaseConnection(held.connection)
    return { ...ask, endpoint: remedy.on, attempt: ask.attempt + 1 }
  }

  #noted(error: unknown): unknown {
    if (this.#inTransaction) this.#refusal ??= findReplayRequired(error)
    return error
  }

  async #end<R>(query: CompiledQuery, rest: Rest<'executeQuery'>): Promise<QueryResult<R>> {
    try {
      return await this.#taken().connection.executeQuery<R>(query, ...rest)
    } catch (error) {
      // The pool sends nothing for this scope any more, and ends the transaction when it is given back.
      if (this.#ending === 'rollback' && isReplayRequired(error)) return { rows: [] }
      throw error
    }
  }

  #transactionOver({ known }: Held): void {
    this.#inTransaction = false
    this.#refusal = undefined
    if (known === undefined) return
    known.status = 'I'
    known.firstRefusal = undefined
  }

  #taken(): Held {
    if (this.#held === undefined) throw new Error('This connection has been given back.')
    return this.#held
  }

  /** What the inner driver works on: its own connection, with statements sent through here, where Kysely logs them. */
  #logged({ connection }: Held): DatabaseConnection {
    return withMembers(connection, {
      executeQuery: (...args: Parameters<DatabaseConnection['executeQuery']>) =>
        this.executeQuery(...args),
    })
  }

  /** Outside any scope: a refused one sends nothing more, and the query it leaves behind is to be cancelled all the same. */
  async #control(method: 'cancelQuery' | 'killSession'): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    // Another connection to the same server, where process ids mean the same.
    const onSameServer: ControlConnectionProvider = async (consumer) => {
      const connection = await held.driver.acquireConnection()
      try {
        await consumer(connection)
      } finally {
        await held.driver.releaseConnection(connection)
      }
    }
    await runOutsideScope(async () => await held.connection[method]?.(onSameServer))
  }

  /** The scope ended in a replay and nobody will come back for this connection: dialects cannot end one, so it is tidied. */
  async #abandon(held: Held): Promise<void> {
    if (this.#released) return
    const { driver, connection } = held
    if (this.#inTransaction) await driver.rollbackTransaction(connection).catch(() => {})
    await this.release().catch(() => {})
  }
}
