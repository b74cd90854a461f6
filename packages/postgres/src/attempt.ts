import type { Pending, Scope } from '@flyback/core'
import { ofUser } from './connection-errors.js'
import { adoptStream, type CopyStream, isCopyStream } from './copy-stream.js'
import type { DriverQuery, QueryOptions } from './driver-internals.js'
import { SentQuery, type SentQueryListener } from './sent-query.js'

/** How sending a query once ended. */
export type Outcome =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: unknown }
  /** Its connection ended before it was written: it may be sent elsewhere as if nothing had been. */
  | { readonly type: 'unsent' }

/** What the sender of a query brings along. */
export interface Sender {
  /** What it commits is captured for this scope. */
  readonly scope?: Scope | undefined
  /** Its SQL. */
  readonly text: string

  /** Runs a callback of the user's in the context of the call. */
  readonly inCaller: <T>(callback: () => T) => T
  /** What an error on a COPY stream is turned into. */
  readonly judgeLate: (error: unknown) => unknown
  readonly onexecute?: QueryOptions['onexecute']
}

/** What the connection hears of it, at once. */
export interface Hooks {
  /** The driver starts to write the query. */
  building(attempt: Attempt): void
  /** Rows went to a callback, or a stream to the caller. */
  delivered(): void
  /** What is captured when a COPY has ended, before its caller hears of that. */
  copied(): Promise<void> | undefined
  /** The driver rejects it, or takes it for what it rejects. */
  rejected(attempt: Attempt, error: unknown): void
  settled(outcome: Outcome): void
  /** The caller gave up a stream whose statement still runs. */
  brokenOff(attempt: Attempt, stream: CopyStream): void
}

/** One sending of a query. */
export class Attempt implements Pending, SentQueryListener {
  /** What the driver has of it. */
  readonly query: SentQuery
  /** What the server answered, when the caller may have it. */
  readonly answered: Promise<Outcome>
  /** When the connection is done with it: later than the answer for a COPY, whose answer is a stream. */
  readonly finished: Promise<void>
  /** Rows went to a callback, or a stream to the caller: it must not run again. */
  get delivered(): boolean {
    return this.#delivered
  }
  /** What it has committed is to be captured before its caller hears of it. */
  owesCapture = false
  /** What was asked for that already. */
  asked: Promise<readonly unknown[]> | undefined
  /** Called when the server comes to work on it, after those before it in the pipeline. */
  whenActive: (() => void) | undefined
  readonly #source: DriverQuery
  readonly #sender: Sender
  readonly #hooks: Hooks
  #built = false
  #delivered = false
  #settled = false
  #stream: CopyStream | undefined
  #answer: (outcome: Outcome) => void = () => {}
  #over = false
  #finish: () => void = () => {}

  constructor(source: DriverQuery, sender: Sender, hooks: Hooks) {
    this.#source = source
    this.#sender = sender
    this.#hooks = hooks
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
    this.finished = new Promise((resolve) => {
      this.#finish = () => {
        this.#over = true
        resolve()
      }
    })
    this.query = new SentQuery(source, this, sender.onexecute)
  }

  get pending(): boolean {
    return (!this.#settled && !this.#delivered) || this.owesCapture
  }

  get scope(): Scope | undefined {
    return this.#sender.scope
  }

  /** The server works on it. */
  get active(): boolean {
    return !this.#settled && this.query.active
  }

  onBuild(): void {
    // The driver writes it again when the server forgot its plan: it can be written, then.
    if (this.#built) return
    this.#built = true
    this.#hooks.building(this)
  }

  onResolve(value: unknown): void {
    this.settle({ type: 'value', value })
  }

  onReject(error: unknown): void {
    this.#hooks.rejected(this, error)
  }

  onActive(active: boolean): void {
    if (active) this.whenActive?.()
  }

  onRow(row: unknown, result: unknown): void {
    this.#deliver()
    ofUser(() => this.#sender.inCaller(() => this.#source.forEachFn?.(row, result)))
  }

  onRows(rows: unknown): unknown {
    this.#deliver()
    return ofUser(() => this.#sender.inCaller(() => this.#source.cursorFn?.(rows)))
  }

  #deliver(): void {
    this.#delivered = true
    this.#hooks.delivered()
  }

  /** Ends it, if it has not ended. */
  settle(outcome: Outcome): void {
    if (this.#settled) {
      // An error after the stream was handed out: the driver forgets the stream once its last chunk was sent.
      if (outcome.type === 'error') this.#stream?.destroy(outcome.error)
      if (outcome.type !== 'value') this.#finish()
      return
    }
    this.#settled = true
    if (outcome.type === 'value' && isCopyStream(outcome.value)) {
      this.#deliver()
      const stream = adoptStream(outcome.value, {
        judge: this.#sender.judgeLate,
        beforeEnd: () => this.#hooks.copied(),
        whenClosed: (complete) => {
          if (!complete && !this.#over) this.#hooks.brokenOff(this, stream)
          this.#finish()
        },
      })
      this.#stream = stream
    } else this.#finish()
    this.#hooks.settled(outcome)
    this.#answer(outcome)
  }
}
