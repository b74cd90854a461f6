import {
  Connection,
  classifyError,
  type Link,
  type Remedy,
  type Attempt as Repetition,
  type Scope,
  type ToldStatement,
} from '@flyback/core'
import { runOutsideScope } from '@flyback/core/scope'
import { ARRAY_TYPES, learnArrayTypes } from './array-types.js'
import { asText } from './as-text.js'
import { Attempt, type Sender } from './attempt.js'
import { connectInTime } from './connect-in-time.js'
import { attributedTo, connectionError, endsConnection, isOfUser } from './connection-errors.js'
import { isCopyStream } from './copy-stream.js'
import {
  type Driver,
  type DriverQuery,
  type DriverSql,
  instance,
  type ParsedOptions,
} from './driver-internals.js'
import { laneOptions } from './lane-options.js'
import { LaneTimers } from './lane-timers.js'
import { commandsOf, TransactionState, tagsOf } from './transaction-state.js'
import { willOweCapture } from './will-owe-capture.js'

/** How long a statement in flight may take to end before a connection nobody holds any more is cut. */
const IDLE_TIMEOUT_MS = 5000

/** Verdicts that depend on the role of the server. */
const ANNOUNCED_LATER: ReadonlySet<string> = new Set(['refused', 'ambiguous', 'aborted'])

/** The server ignores a cancel that finds it between two statements: it gets a moment to begin the next. */
const CANCEL_DELAY_MS = 20

/** Who asks questions of ours. */
const OWN: Sender = { text: '', inCaller: (callback) => callback(), judgeLate: (error) => error }

/** The driver sends its type query in the extended protocol. */
const AS_THE_DRIVER = { simple: false, prepare: true }

export interface LaneOptions {
  readonly driver: Driver
  /** The parsed options of its endpoint; `parsers`, `serializers` and the like are shared by all lanes. */
  readonly options: ParsedOptions
  readonly link: Link
  /** How long connecting may take. */
  readonly connectLimitMs: number
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
  /** Its holder may send several statements. */
  checkedOut = false
  ready = false
  ended = false
  /** It serves what it has, and then ends. */
  retiring = false
  /** A statement of many left a transaction open. */
  leftOpen = false
  /** What made it useless, while it was in use. */
  failure: unknown
  /** Resolves when its socket is closed, once it has ended. */
  closed: Promise<void> = Promise.resolve()
  readonly #sql: DriverSql
  readonly #opener: DriverQuery
  readonly #handler: DriverQuery['handler']
  readonly #cancel: NonNullable<DriverQuery['canceller']>
  readonly #given: LaneOptions
  readonly #attempts = new Set<Attempt>()
  /** Those of them that are questions of ours. */
  readonly #own = new Set<Attempt>()
  #capturing = 0
  #building: Attempt | undefined
  #quiet = false
  #expired = false
  #withdrawing = false
  readonly #transaction = new TransactionState()
  readonly #timers: LaneTimers
  #whenEnded: ((error: Error) => void)[] = []
  readonly #whenIdle: (() => void)[] = []

  constructor(given: LaneOptions) {
    super(given.link)
    this.#given = given
    const { driver, options, connectLimitMs } = given
    this.#timers = new LaneTimers(options)
    const fields = laneOptions(options, connectLimitMs, {
      onParameter: (name, value) => this.#learn(name, value),
      onClose: () => this.#end(connectionError('CONNECTION_CLOSED', options)),
      isQuiet: () => this.#quiet || (this.#building !== undefined && this.#own.has(this.#building)),
      isOwn: () => this.#own.size > 0 && [...this.#own].some((attempt) => attempt.active),
    })
    this.#sql = runOutsideScope(() => instance(driver, fields))
    this.#opener = options.fetch_types
      ? this.#sql.unsafe(ARRAY_TYPES, [], AS_THE_DRIVER)
      : this.#sql.unsafe('')
    this.#handler = this.#opener.handler
    this.#cancel = this.#opener.canceller ?? (() => undefined)
  }

  #learn(name: string, value: string): void {
    // A lane given up while it was connecting must not stay behind.
    if (this.ended) void this.#sql.close()
    this.learn(name, value)
    this.#given.onParameter(name, value)
  }

  /** Connects, and learns the array types unless the user wants none. Rejects with the error of the driver. */
  async open(): Promise<this> {
    const { options } = this.#given
    this.#quiet = !options.fetch_types
    try {
      learnArrayTypes(options, await connectInTime(this.#ask(this.#opener), this.#given))
    } catch (error) {
      // The server refused the type query, but is there: the statement that needs the connection shall run.
      if (Reflect.get(Object(error), 'severity') !== 'ERROR') {
        this.destroy()
        throw error
      }
      await this.#retryTypes()
    }
    this.#quiet = false
    if (this.ended) throw this.failure ?? connectionError('CONNECTION_CLOSED', options)
    this.ready = true
    this.#timers.start(() => this.#expire())
    return this
  }

  async #retryTypes(): Promise<void> {
    try {
      learnArrayTypes(
        this.#given.options,
        await this.#ask(this.#sql.unsafe(ARRAY_TYPES, [], AS_THE_DRIVER)),
      )
    } catch {
      // The next connection asks again.
    }
  }

  override async ask(statement: string): Promise<readonly unknown[]> {
    // The driver would connect again for it.
    if (this.ended) throw this.failure
    // Neither parsers nor transforms of the user's get to see it.
    const question = this.#prepare(this.#sql.unsafe(statement).raw(), OWN)
    this.#own.add(question)
    this.#dispatch(question)
    const outcome = await question.answered
    if (outcome.type !== 'value') throw outcome.type === 'error' ? outcome.error : this.failure
    const [row] = Array.isArray(outcome.value) ? outcome.value : []
    return Array.isArray(row) ? row.map((column) => (column === null ? null : asText(column))) : []
  }

  #ask(query: DriverQuery): Promise<readonly unknown[]> {
    return runOutsideScope(async () => {
      const rows = await query
      return Array.isArray(rows) ? rows : []
    })
  }

  /** Hands a query to the driver, at once. */
  send(query: DriverQuery, sender: Sender): Attempt {
    const attempt = this.#prepare(query, sender)
    this.#dispatch(attempt)
    if (willOweCapture(this, query, sender)) attempt.asked = this.askAhead()
    return attempt
  }

  /** Puts what a statement has committed into its scope, if it has to be; then its caller may hear of it (rule 6). */
  captureFor(attempt: Attempt): Promise<void> | undefined {
    const { owesCapture, scope, asked } = attempt
    return owesCapture && scope !== undefined
      ? this.#capture(scope, asked).finally(() => {
          attempt.owesCapture = false
        })
      : undefined
  }

  async #capture(scope: Scope, asked?: Promise<readonly unknown[]>): Promise<void> {
    this.#capturing++
    this.busy = true
    await this.capture(scope, asked)
    this.#capturing--
    this.#count()
  }

  #count(): void {
    this.busy = this.#capturing > 0 || this.#attempts.size > this.#own.size
    if (this.#attempts.size === 0) this.#wakeIdle()
  }

  #prepare(query: DriverQuery, sender: Sender): Attempt {
    const { scope, text } = sender
    const simple = query.options.simple === true
    const attempt: Attempt = new Attempt(query, sender, {
      building: (built) => {
        this.#building = built
        queueMicrotask(() => {
          this.#building = undefined
        })
      },
      delivered: () => {
        this.delivering = true
      },
      copied: () =>
        scope !== undefined && this.owesCapture(scope, ['COPY']) ? this.#capture(scope) : undefined,
      rejected: (rejected, error) => this.#rejected(rejected, error),
      settled: (outcome) => {
        if (outcome.type === 'value') {
          const { value } = outcome
          this.#follow(value)
          // Now: when its caller is told, the next answer may be in.
          const tags = isCopyStream(value) ? undefined : tagsOf(value, text, simple)
          attempt.owesCapture = tags !== undefined && this.owesCapture(scope, tags)
        }
        if (outcome.type !== 'error') return
        const { cursorFn, options } = query
        // A text of several statements may have begun a transaction.
        const begun = this.checkedOut && options.simple === true
        if (begun || this.status === 'T') this.status = 'E'
        if (endsConnection(outcome.error)) this.destroy(outcome.error)
        else if (cursorFn !== undefined && this.#building !== attempt) {
          // The driver sends a Sync for each row of a cursor that it could not parse, and counts the rows on when a callback
          // throws: what comes next would get a wrong answer.
          if (isOfUser(outcome.error)) this.#block(outcome.error)
        }
      },
      brokenOff: (broken, stream) => {
        // The driver stopped reading, and takes nothing more.
        this.#withdrawAt(broken)
        this.destroy()
        void this.closed.then(() => stream._read?.(0))
      },
    })
    void attempt.finished.then(() => {
      this.#attempts.delete(attempt)
      this.#own.delete(attempt)
      this.#count()
    })
    return attempt
  }

  #dispatch(attempt: Attempt): void {
    this.#attempts.add(attempt)
    this.#count()
    runOutsideScope(() => this.#handler(attempt.query))
    this.#building = undefined
  }

  override hear(text: string | undefined): void {
    // Behind others in the pipeline nobody knows yet what it begins in.
    super.hear(this.busy ? undefined : text)
  }

  /**
   * A query that cannot be written (an undefined value) is rejected at once. Behind others in the pipeline the driver
   * blames the one in flight, and the answer to the next goes astray: nothing is sent after it.
   */
  #rejected(attempt: Attempt, error: unknown): void {
    if (this.#withdrawing) return
    const unwritten = this.#building
    if (unwritten === undefined || unwritten === attempt) {
      attempt.settle({ type: 'error', error })
      return
    }
    const own = attributedTo(unwritten.query, error)
    this.#block(own)
    unwritten.settle({ type: 'error', error: own })
  }

  /** Nothing is sent after this. */
  #block(error: unknown): void {
    this.retiring = true
    this.failure = error
    this.#withdraw()
  }

  override judge(
    scope: Scope | undefined,
    repetition: Repetition,
    error: unknown,
    told?: ToldStatement,
    text?: string,
  ): Remedy {
    if (this.lost || !isOfUser(error)) return super.judge(scope, repetition, error, told, text)
    const remedy: Remedy = { type: 'throw', error }
    told?.end(remedy, error)
    this.endSending(scope)
    this.note(error, scope)
    return remedy
  }

  get options(): ParsedOptions {
    return this.#given.options
  }

  /**
   * Resolves when the server has announced what goes with the answer to a failed statement. Before 3.4.8, which is the
   * first to know `sslnegotiation`, the driver rejects ahead of that: one more answer, to nothing, comes after it.
   */
  async announced(error: unknown): Promise<void> {
    if ('sslnegotiation' in this.#given.options || this.ended) return
    if (!ANNOUNCED_LATER.has(classifyError(error))) return
    await this.#ask(this.#sql.unsafe('')).catch(() => {})
  }

  /** Ends a transaction past all checks. Resolves to whether the connection may serve others. */
  async rollback(): Promise<boolean> {
    // It would connect again for it.
    if (this.ended) return false
    // Outside a transaction the server warns.
    this.#quiet = true
    try {
      await runOutsideScope(() => this.#sql.unsafe('rollback'))
      this.endTransaction()
      return !this.ended
    } catch {
      return false
    } finally {
      this.#quiet = false
    }
  }

  /** Takes back what the driver has queued: it would connect again for it. */
  #withdraw(): void {
    for (const attempt of this.#attempts) {
      if (attempt.query.state !== null) continue
      attempt.settle({ type: 'unsent' })
      this.#withdrawing = true
      this.cancel(attempt)
      this.#withdrawing = false
    }
  }

  /** Cancels a query where it runs, or takes it out of the queue. */
  cancel(attempt: Attempt): void {
    const cancel = (): void => this.#withdrawAt(attempt)
    // The driver would lose count of the answers if one was cancelled that is sent and not its turn.
    if (attempt.query.state === null || attempt.active) cancel()
    else
      attempt.whenActive = () => void setTimeout(() => attempt.active && cancel(), CANCEL_DELAY_MS)
  }

  /** A cancel that reaches nobody is like one that comes too late. */
  #withdrawAt(attempt: Attempt): void {
    void runOutsideScope(async () => await this.#cancel(attempt.query)).catch(() => {})
  }

  #follow(value: unknown): void {
    for (const command of commandsOf(value)) this.#transaction.follow(command)
    // What fails from here on is not the refusal's doing.
    if (this.status === 'E') this.firstRefusal = undefined
    this.status = this.#transaction.status
  }

  /** The transaction of this checkout is over. */
  endTransaction(): void {
    this.#transaction.end()
    this.status = 'I'
  }

  /** Resolves to `false` when a statement takes too long (a cursor left open), unless any time will do. */
  override idle(limited = true): Promise<boolean> {
    if (this.#attempts.size === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = limited ? setTimeout(resolve, IDLE_TIMEOUT_MS, false) : undefined
      timer?.unref?.()
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
    // With `max: 1` a transaction of several calls may be open.
    if (this.status !== 'I') return
    if (this.#expired) this.retire()
    if (!this.ended) this.#timers.rest(() => void this.end())
  }

  wake(): void {
    this.#timers.wake()
  }

  #expire(): void {
    this.#expired = true
    if (this.status === 'I') this.retire()
  }

  /** It takes nothing more, and ends when it has nothing. */
  retire(): void {
    this.retiring = true
    if (this.holders === 0) void this.end()
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
    const closed = connectionError('CONNECTION_CLOSED', this.#given.options)
    this.failure = closed
    this.#timers.stop()
    this.#withdraw()
    for (const attempt of this.#attempts) attempt.settle({ type: 'error', error })
    for (const listener of this.#whenEnded.splice(0)) listener(closed)
    this.#given.onEnd(this)
  }
}
