import { isCommit, isReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from 'kysely'
import { control } from './control.js'
import { type Held, leadsTo, type Source } from './held.js'
import { captureIfOwed, Lease } from './lease.js'
import { OpenStreams } from './open-streams.js'
import {
  type Caller,
  type ExecuteOptions,
  runStatement,
  runStream,
  type StreamOptions,
} from './run-statement.js'
import type { Tail } from './tail.js'
import { TransactionState } from './transaction-state.js'
import { Turns } from './turns.js'
import { withMembers } from './with-members.js'

type Own = 'checked' | 'rollback' | 'rollback to savepoint'
type SavepointMethod = 'savepoint' | 'rollbackToSavepoint' | 'releaseSavepoint'

/** Kysely asks for a connection before it knows the query. This one is taken when its first statement is known. */
export class LazyConnection implements DatabaseConnection {
  readonly #lease: Lease
  readonly #transaction = new TransactionState()
  readonly #streams = new OpenStreams()
  /**
   * A statement's turn lasts until it is answered: only then is it known whether anything may follow. Kysely keeps to
   * that, but sends the ends of transactions at once.
   */
  readonly #turns = new Turns()
  #commitError: unknown
  /** Statements of the inner driver's, in the turn of who called it. */
  readonly #own = new WeakMap<CompiledQuery, Own>()

  constructor(source: Source, acquireArgs: Parameters<Driver['acquireConnection']>) {
    this.#lease = new Lease(source, acquireArgs)
  }

  /** Asks for the primary. @throws ReplayRequired when a statement went to the replica on this connection before */
  preferPrimary(): void {
    const { held, source } = this.#lease
    if (held === undefined) this.#lease.hint = 'primary'
    else if (leadsTo(held) === 'replica') {
      throw source.routing.router.refuse(currentScope(), 'mixed-reads')
    }
  }

  async executeQuery<R>(query: CompiledQuery, ...rest: ExecuteOptions): Promise<QueryResult<R>> {
    const own = this.#own.get(query)
    if (own === undefined) return await this.#turns.run(() => this.#statement<R>(query, rest))
    this.#own.delete(query)
    return own === 'checked'
      ? await this.#execute<R>(query, rest, true)
      : await this.#undo<R>(own, query, rest)
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    ...rest: StreamOptions
  ): AsyncIterableIterator<QueryResult<R>> {
    const caller = this.#caller()
    const endTurn = await this.#turns.take()
    try {
      if (this.#transaction.refusal !== undefined) throw this.#transaction.refusal
      const watch = (rows: AsyncIterableIterator<QueryResult<R>>) => this.#streams.add(rows)
      for await (const rows of runStream<R>(caller, query, rest, watch)) {
        endTurn()
        yield rows
      }
    } catch (error) {
      this.#transaction.failed(error, this.#lease.held)
      throw error
    } finally {
      endTurn()
    }
  }

  async begin(settings: Parameters<Driver['beginTransaction']>[1]): Promise<void> {
    await this.#turns.run(async () => {
      const { lease, scope, abandon } = this.#caller()
      const held = await lease.take(lease.choose(scope, undefined), abandon)
      // What the dialect sends is heard again, if it sends it through here.
      held.known?.hear(undefined)
      await held.driver.beginTransaction(this.#logged(held, 'checked'), settings)
      // BEGIN may have come to run elsewhere than it was first sent.
      this.#transaction.begun(this.#lease.taken())
    })
  }

  async commit(): Promise<void> {
    const scope = currentScope()
    await this.#turns.run(async () => {
      // The server answers COMMIT with ROLLBACK then, which some drivers do not tell; or it knows nothing of the refusal.
      if (this.#transaction.refusal !== undefined) throw this.#transaction.refusal
      const held = this.#lease.taken()
      try {
        await held.driver.commitTransaction(this.#logged(held, 'checked'))
      } catch (error) {
        this.#commitError = error
        throw error
      } finally {
        this.#transaction.over(held)
      }
      if (held.known !== undefined) await captureIfOwed(held.known, scope, 'COMMIT')
    })
  }

  async rollback(): Promise<void> {
    await this.#turns.run(async () => {
      const held = this.#lease.taken()
      try {
        await held.driver.rollbackTransaction(this.#logged(held, 'rollback'))
      } catch (error) {
        // Kysely rolls back after a COMMIT that failed, on a connection that may be lost with it.
        throw this.#transaction.refusal ?? this.#commitError ?? error
      } finally {
        this.#transaction.over(held)
      }
    })
  }

  /** Runs a savepoint command of the inner driver. */
  async savepoint(
    method: SavepointMethod,
    ...args: Tail<Parameters<NonNullable<Driver['savepoint']>>>
  ): Promise<void> {
    await this.#turns.run(async () => {
      const held = this.#lease.taken()
      const refusal = currentScope()?.refusal
      if (refusal !== undefined) throw refusal
      const goesBack = method === 'rollbackToSavepoint'
      const own = goesBack ? 'rollback to savepoint' : 'checked'
      await held.driver[method]?.(this.#logged(held, own), ...args)
      // What was refused came after the savepoint: nothing runs in a refused transaction, not even another savepoint.
      if (goesBack) this.#transaction.forgive(held)
    })
  }

  async cancelQuery(): Promise<void> {
    await control('cancelQuery', this.#lease.held)
  }

  async killSession(): Promise<void> {
    await control('killSession', this.#lease.held)
  }

  async collectSessionInfo(): Promise<void> {
    this.#lease.collectsSessionInfo = true
  }

  async release(...args: Tail<Parameters<Driver['releaseConnection']>>): Promise<void> {
    await this.#endRefused()
    await this.#lease.release(...args)
  }

  #caller(): Caller {
    const abandon = () => this.#abandon()
    return { lease: this.#lease, scope: currentScope(), abandon, isControl: false }
  }

  async #statement<R>(query: CompiledQuery, rest: ExecuteOptions): Promise<QueryResult<R>> {
    const { unheard } = this.#transaction
    if (unheard !== undefined && isCommit(query.sql)) {
      await this.#endRefused()
      throw unheard
    }
    const result = await this.#execute<R>(query, rest)
    this.#transaction.answered(query)
    return result
  }

  /** Ends what was begun in raw SQL, was refused, and would commit or stay open. */
  async #endRefused(): Promise<void> {
    if (this.#transaction.unheard === undefined) return
    this.#transaction.unheard = undefined
    const { held } = this.#lease
    await held?.connection.executeQuery(CompiledQuery.raw('rollback')).catch(() => {})
  }

  async #execute<R>(
    query: CompiledQuery,
    rest: ExecuteOptions,
    isControl = false,
  ): Promise<QueryResult<R>> {
    try {
      if (this.#transaction.refusal !== undefined) throw this.#transaction.refusal
      return await runStatement<R>({ ...this.#caller(), isControl }, query, rest)
    } catch (error) {
      this.#transaction.failed(error, this.#lease.held)
      throw error
    }
  }

  /** Goes out whatever the transaction was refused with. */
  async #undo<R>(own: Own, query: CompiledQuery, rest: ExecuteOptions): Promise<QueryResult<R>> {
    try {
      return await this.#lease.taken().connection.executeQuery<R>(query, ...rest)
    } catch (error) {
      // A pool of Flyback's sends nothing more for a refused scope: it ends the transaction when it is given back.
      if (own === 'rollback' && isReplayRequired(error)) return { rows: [] }
      throw error
    }
  }

  /** What the inner driver works on: its own connection, whose statements come through here, where Kysely logs them. */
  #logged({ connection }: Held, own: Own): DatabaseConnection {
    const executeQuery: DatabaseConnection['executeQuery'] = (query, ...rest) => {
      this.#own.set(query, own)
      return this.executeQuery(query, ...rest)
    }
    return withMembers(connection, { executeQuery })
  }

  /** The scope ended in a replay, and nobody comes back for this. A dialect cannot end a connection: it is tidied. */
  async #abandon(): Promise<void> {
    // What is sent behind an open cursor waits for its end.
    await this.#streams.end()
    await this.#turns.run(async () => {
      const { held } = this.#lease
      if (held !== undefined && this.#transaction.isOpen) {
        await held.driver.rollbackTransaction(held.connection).catch(() => {})
      }
      await this.release().catch(() => {})
    })
  }
}
