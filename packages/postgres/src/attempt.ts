import { adoptStream, type CopyStream, isCopyStream } from './copy-stream.js'
import type { DriverQuery, QueryOptions } from './driver-internals.js'

/** How sending a query once ended. */
export type Outcome =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: unknown }
  /** Its connection ended before it was written: it may be sent elsewhere as if nothing had been. */
  | { readonly type: 'unsent' }

/** What the sender of a query brings along. */
export interface Sender {
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
  /** The driver rejects it, or takes it for what it rejects. */
  rejected(attempt: Attempt, error: unknown): void
  settled(outcome: Outcome): void
}

/**
 * One sending of a query: an object the driver takes for a query, and that inherits from the caller's one. What the
 * driver leaves on it (its state, serialised parameters, a statement) stays on the attempt, so that the query itself can
 * be sent again.
 */
export class Attempt {
  readonly query: DriverQuery
  /** What the server answered, when the caller may have it. */
  readonly answered: Promise<Outcome>
  /** When the connection is done with it: later than the answer for a COPY, whose answer is a stream. */
  readonly finished: Promise<void>
  /** Rows went to a callback, or a stream to the caller: it must not run again. */
  delivered = false
  /** The server works on it, and not on one before it in the pipeline. */
  active = false
  /** Called when it becomes active. */
  whenActive: (() => void) | undefined
  readonly #sender: Sender
  readonly #hooks: Hooks
  #settled = false
  #stream: CopyStream | undefined
  #answer: (outcome: Outcome) => void = () => {}
  #finish: () => void = () => {}

  constructor(query: DriverQuery, sender: Sender, hooks: Hooks) {
    this.#sender = sender
    this.#hooks = hooks
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
    this.finished = new Promise((resolve) => {
      this.#finish = resolve
    })
    const { forEachFn } = query
    this.query = Object.create(query, {
      strings: {
        get: () => {
          hooks.building(this)
          return query.strings
        },
      },
      // The driver's own reads the strings, too.
      origin: { get: () => query.origin },
      resolve: { value: (value: unknown) => this.settle({ type: 'value', value }) },
      reject: { value: (error: unknown) => hooks.rejected(this, error) },
      state: { value: null, writable: true },
      cancelled: { value: null, writable: true },
      active: {
        get: () => this.active,
        set: (active: boolean) => {
          this.#setActive(query, active)
        },
      },
      // Read when rows arrive: an iterator replaces it at each step.
      cursorFn: { get: () => query.cursorFn && ((rows: unknown) => this.#cursor(query, rows)) },
      ...(forEachFn && {
        forEachFn: {
          value: (row: unknown, result: unknown) => {
            this.delivered = true
            sender.inCaller(() => forEachFn(row, result))
          },
        },
      }),
      ...(sender.onexecute && {
        options: { value: { ...query.options, onexecute: sender.onexecute } },
      }),
    })
  }

  #setActive(query: DriverQuery, active: boolean): void {
    this.active = active
    // The driver's cursor iterator asks the query itself.
    query.active = active
    if (active) this.whenActive?.()
  }

  #cursor(query: DriverQuery, rows: unknown): unknown {
    this.delivered = true
    return this.#sender.inCaller(() => query.cursorFn?.(rows))
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
    this.active = false
    if (outcome.type === 'value' && isCopyStream(outcome.value)) {
      this.delivered = true
      this.#stream = adoptStream(outcome.value, this.#sender.judgeLate, this.#finish)
    } else this.#finish()
    this.#hooks.settled(outcome)
    this.#answer(outcome)
  }
}
