import { Connection, type Link } from '@flyback/core'
import { runOutsideScope } from '@flyback/core/scope'
import { ARRAY_TYPES, learnArrayTypes } from './array-types.js'
import { Attempt, type Sender } from './attempt.js'
import { attributedTo, connectionError, endsConnection } from './connection-errors.js'
import {
  type Driver,
  type DriverQuery,
  type DriverResult,
  type DriverSql,
  instance,
  type ParsedOptions,
} from './driver-internals.js'

/** How long a statement in flight may take to end before a connection nobody holds any more is cut. */
const IDLE_TIMEOUT_MS = 5000

export interface LaneOptions {
  readonly driver: Driver
  /** The parsed options of its endpoint; `parsers`, `serializers` and the like are shared by all lanes. */
  readonly options: ParsedOptions
  readonly link: Link
  readonly deadlineMs: number
  /** What a connection that was not there in time is reported as. */
  unreachable(timeout: Error): Error
  onParameter(name: string, value: string): void
  /** The lane has ended, whoever ended it. */
  onEnd(lane: Lane): void
}

/**
 * One connection: a driver instance with `max: 1`. It has an identity, its own facts, and can be thrown away, which a
 * connection in a driver's pool cannot; and it never connects twice, because an instance whose connection ended in use
 * answers the next query with the error of the last, or never.
 */
export class Lane extends Connection {
  /** Who uses it now: one holder that has it for itself, or several statements that share it. */
  holders = 0
  held = false
  ready = false
  ended = false
  /** It serves what it has, and then ends. */
  retiring = false
  /** A statement of many left a transaction open. */
  leftOpen = false
  /** What ended it, while it was in use. */
  failure: Error | undefined
  /** Nothing of ours is told to the user. */
  quiet = false
  /** Resolves when its socket is closed, once it has ended. */
  closed: Promise<void> = Promise.resolve()
  readonly #sql: DriverSql
  readonly #opener: DriverQuery
  readonly #handler: DriverQuery['handler']
  readonly #cancel: NonNullable<DriverQuery['canceller']>
  readonly #given: LaneOptions
  readonly #attempts = new Set<Attempt>()
  #building: Attempt | undefined
  #savepoints = 0
  #inTransaction = false
  #idleTimer: NodeJS.Timeout | undefined
  #lifeTimer: NodeJS.Timeout | undefined
  #whenEnded: ((error: Error) => void)[] = []
  readonly #whenIdle: (() => void)[] = []

  constructor(given: LaneOptions) {
    super(given.link)
    this.#given = given
    const { driver, options } = given
    this.#sql = runOutsideScope(() => instance(driver, this.#laneOptions(options)))
    this.#opener = this.#sql.unsafe(options.fetch_types ? ARRAY_TYPES : '')
    this.#handler = this.#opener.handler
    this.#cancel = this.#opener.canceller ?? (() => undefined)
  }

  #laneOptions(options: ParsedOptions): object {
    const { debug, onnotice, connect_timeout } = options
    const limit = seconds(connect_timeout)
    return {
      ...options,
      max: 1,
      parameters: {},
      shared: { retries: 0, typeArrayMap: options.shared.typeArrayMap },
      fetch_types: false,
      no_subscribe: true,
      connect_timeout: Math.min(limit || Number.POSITIVE_INFINITY, this.#given.deadlineMs / 1000),
      // The driver would count a transaction between two statements as idle: see `rest`.
      idle_timeout: null,
      max_lifetime: null,
      onnotice: (notice: unknown) => {
        if (this.quiet) return
        if (onnotice === undefined) console.log(notice)
        else onnotice(notice)
      },
      onparameter: (name: string, value: string) => {
        // A lane given up while it was connecting must not stay behind.
        if (this.ended) void this.#sql.close()
        this.learn(name, value)
        this.#given.onParameter(name, value)
      },
      onclose: (id: number) => {
        this.#end(connectionError('CONNECTION_CLOSED', options))
        options.onclose?.(id)
      },
      debug:
        typeof debug === 'function'
          ? (...args: unknown[]) =>
              args[1] === '' ? undefined : Reflect.apply(debug, undefined, args)
          : debug,
    }
  }

  /** Connects, and learns the array types unless the user wants none. Rejects with the error of the driver. */
  async open(): Promise<this> {
    const { options, deadlineMs } = this.#given
    const limitMs = seconds(options.connect_timeout) * 1000
    const timedOut = connectionError('CONNECT_TIMEOUT', options)
    const startMs = performance.now()
    let timer: NodeJS.Timeout | undefined
    // The driver connects for ever to a server that accepts and closes: a proxy with nobody behind it.
    const deadline = new Promise<never>((_, reject) => {
      timer = runOutsideScope(() => setTimeout(reject, deadlineMs, timedOut))
    })
    try {
      const rows = await Promise.race([this.#ask(this.#opener), deadline])
      learnArrayTypes(options, rows)
    } catch (error) {
      // The server refused the type query, but is there: the statement that needs the connection shall run.
      if (Reflect.get(Object(error), 'severity') !== 'ERROR') {
        this.destroy()
        const early = limitMs === 0 || limitMs > deadlineMs
        const gaveUp = early && performance.now() - startMs >= deadlineMs * 0.9
        const timeout = gaveUp && Reflect.get(Object(error), 'code') === 'CONNECT_TIMEOUT'
        throw timeout ? this.#given.unreachable(timedOut) : error
      }
      await this.#retryTypes()
    } finally {
      clearTimeout(timer)
    }
    if (this.ended) throw this.failure ?? connectionError('CONNECTION_CLOSED', options)
    this.ready = true
    this.#startLife()
    return this
  }

  async #retryTypes(): Promise<void> {
    try {
      learnArrayTypes(this.#given.options, await this.#ask(this.#sql.unsafe(ARRAY_TYPES)))
    } catch {
      // The next connection asks again.
    }
  }

  #ask(query: DriverQuery): Promise<readonly unknown[]> {
    return runOutsideScope(async () => {
      const rows = await query
      return Array.isArray(rows) ? rows : []
    })
  }

  /** Hands a query to the driver, at once. */
  send(query: DriverQuery, sender: Sender): Attempt {
    const attempt = new Attempt(query, sender, {
      building: (built) => {
        this.#building = built
        queueMicrotask(() => {
          this.#building = undefined
        })
      },
      rejected: (rejected, error) => this.#rejected(rejected, error),
      settled: (outcome) => {
        if (outcome.type === 'value') this.#follow(outcome.value)
        if (outcome.type !== 'error') return
        if (this.held || this.#inTransaction) this.status = 'E'
        if (endsConnection(outcome.error)) this.destroy(outcome.error)
      },
    })
    this.#attempts.add(attempt)
    this.busy = true
    void attempt.finished.then(() => {
      this.#attempts.delete(attempt)
      this.busy = this.#attempts.size > 0
      if (!this.busy) this.#wakeIdle()
    })
    runOutsideScope(() => this.#handler(attempt.query))
    this.#building = undefined
    return attempt
  }

  /**
   * A query that cannot be written (an undefined value) is rejected at once. Behind others in the pipeline the driver
   * blames the one in flight, and the answer to the next goes astray: nothing is sent after it.
   */
  #rejected(attempt: Attempt, error: unknown): void {
    const unwritten = this.#building
    if (unwritten === undefined || unwritten === attempt) {
      attempt.settle({ type: 'error', error })
      return
    }
    this.retiring = true
    this.failure = connectionError('CONNECTION_DESTROYED', this.#given.options)
    unwritten.settle({ type: 'error', error: attributedTo(unwritten.query, error) })
  }

  get options(): ParsedOptions {
    return this.#given.options
  }

  /** Ends a transaction past all checks. Resolves to whether the connection may serve others. */
  async rollback(): Promise<boolean> {
    // Outside a transaction the server warns.
    this.quiet = true
    try {
      await runOutsideScope(() => this.#sql.unsafe('rollback'))
      this.endTransaction()
      return !this.ended
    } catch {
      return false
    } finally {
      this.quiet = false
    }
  }

  /** Cancels a query where it runs, or takes it out of the queue. */
  cancel(attempt: Attempt): void {
    const cancel = (): unknown => runOutsideScope(() => this.#cancel(attempt.query))
    // The driver would lose count of the answers if one was cancelled that is sent and not its turn.
    if (attempt.query.state !== null && !attempt.active) attempt.whenActive = cancel
    else cancel()
  }

  /**
   * The driver keeps the state of a transaction to itself; command tags tell enough of it. Going back to a savepoint has
   * the tag of ROLLBACK.
   */
  #follow(value: unknown): void {
    for (const command of commandsOf(value)) {
      if (command === 'BEGIN' || command === 'START TRANSACTION') this.#inTransaction = true
      else if (command === 'SAVEPOINT') this.#savepoints++
      else if (command === 'ROLLBACK' && this.#savepoints > 0) this.#inTransaction = true
      else if (ENDS.has(command)) this.endTransaction()
    }
    // What fails from here on is not the refusal's doing.
    if (this.status === 'E') this.firstRefusal = undefined
    this.status = this.#inTransaction ? 'T' : 'I'
  }

  /** The transaction of this checkout is over. */
  endTransaction(): void {
    this.#inTransaction = false
    this.#savepoints = 0
    this.status = 'I'
  }

  /** Resolves to `false` when a statement takes too long (a cursor left open). */
  override idle(): Promise<boolean> {
    if (this.#attempts.size === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_TIMEOUT_MS, false)
      timer.unref?.()
      this.#whenIdle.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }

  #wakeIdle(): void {
    for (const wake of this.#whenIdle.splice(0)) wake()
  }

  /** Calls back when the connection ends while it is held. */
  whenEnded(listener: (error: Error) => void): void {
    this.#whenEnded.push(listener)
  }

  /** Nobody uses it: it ends after `idle_timeout`. */
  rest(): void {
    this.#whenEnded = []
    const timeoutMs = seconds(this.#given.options.idle_timeout) * 1000
    if (timeoutMs === 0 || this.ended) return
    this.#idleTimer = runOutsideScope(() => setTimeout(() => void this.end(), timeoutMs))
  }

  wake(): void {
    clearTimeout(this.#idleTimer)
  }

  #startLife(): void {
    const lifetimeMs = seconds(this.#given.options.max_lifetime) * 1000
    if (lifetimeMs === 0) return
    const over = (): void => {
      this.retiring = true
      if (this.holders === 0) void this.end()
    }
    this.#lifeTimer = runOutsideScope(() => setTimeout(over, lifetimeMs))
  }

  /** Ends it in good order; resolves when the socket is closed. */
  async end(): Promise<void> {
    if (this.ended) return
    this.closed = runOutsideScope(() => this.#sql.end())
    this.#end(connectionError('CONNECTION_ENDED', this.#given.options))
    await this.closed
  }

  /** Ends it at once. */
  destroy(error?: unknown): void {
    if (this.ended) return
    this.closed = runOutsideScope(() => this.#sql.end({ timeout: 0 }))
    this.#end(error ?? connectionError('CONNECTION_DESTROYED', this.#given.options))
  }

  #end(error: unknown): void {
    if (this.ended) return
    this.ended = true
    this.lost = true
    this.failure = connectionError('CONNECTION_CLOSED', this.#given.options)
    clearTimeout(this.#idleTimer)
    clearTimeout(this.#lifeTimer)
    for (const attempt of this.#attempts) {
      const unsent = attempt.query.state === null
      attempt.settle(unsent ? { type: 'unsent' } : { type: 'error', error })
      // It would connect again for what is still in its queue.
      if (unsent) this.cancel(attempt)
    }
    for (const listener of this.#whenEnded.splice(0)) listener(this.failure)
    this.#given.onEnd(this)
  }
}

const ENDS: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])

/** The command tags of a result, or of the results of several statements in one text. */
export function commandsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  const results: unknown[] = 'command' in value ? [value] : value
  return results.flatMap((result) => {
    // Only results of the driver get here.
    const { command } = Object(result) as DriverResult
    return typeof command === 'string' ? [command] : []
  })
}

/** An option of the driver in seconds, or a function of it; 0 when there is none. */
function seconds(option: number | null | (() => number)): number {
  return (typeof option === 'function' ? option() : option) || 0
}
