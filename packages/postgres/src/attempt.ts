import type { DriverQuery, QueryOptions } from './driver-internals.js'

/** How sending a query once ended. */
export type Outcome =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: unknown }
  /** Its connection ended before it was written: it may be sent elsewhere as if nothing had been. */
  | { readonly type: 'unsent' }

/** One sending of a query: what the driver gets in its place. */
export interface Attempt {
  readonly query: DriverQuery
  /** What the server answered, when the caller may have it. */
  readonly answered: Promise<Outcome>
  /** When the connection is done with it: later than the answer for a COPY, whose answer is a stream. */
  readonly finished: Promise<void>
  /** Rows went to a callback, or a stream to the caller: it must not run again. */
  readonly delivered: boolean
  /** Ends it from outside, if it has not ended. */
  settle(outcome: Outcome): void
}

export interface AttemptOptions {
  /** Told how it ended before anyone else is. */
  readonly onSettled: (outcome: Outcome) => void
  /** Runs a callback of the user's in the context of the call. */
  readonly inCaller: <T>(callback: () => T) => T
  /** What an error on a COPY stream is turned into. */
  readonly judgeLate: (error: unknown) => unknown
  readonly onexecute?: QueryOptions['onexecute']
}

/**
 * Makes an object the driver takes for a query, and that inherits from the caller's one: what the driver leaves on it
 * (its state, serialised parameters, a statement) stays on this attempt, so that the query itself can be sent again.
 */
export function createAttempt(query: DriverQuery, options: AttemptOptions): Attempt {
  const { promise: answered, resolve: answer } = withResolvers<Outcome>()
  const { promise: finished, resolve: finish } = withResolvers<void>()
  let delivered = false
  let settled = false
  let stream: StreamLike | undefined
  const settle = (outcome: Outcome): void => {
    if (settled) {
      // An error after the stream was handed out: the driver forgets the stream once its last chunk was sent.
      if (outcome.type === 'error') stream?.destroy(outcome.error)
      if (outcome.type !== 'value') finish()
      return
    }
    settled = true
    if (outcome.type === 'value' && isStream(outcome.value)) {
      delivered = true
      stream = adoptStream(outcome.value, options, finish)
    } else finish()
    options.onSettled(outcome)
    answer(outcome)
  }
  const { forEachFn } = query
  const attempt: DriverQuery = Object.create(query, {
    resolve: { value: (value: unknown) => settle({ type: 'value', value }) },
    reject: { value: (error: unknown) => settle({ type: 'error', error }) },
    state: { value: null, writable: true },
    cancelled: { value: null, writable: true },
    // The driver's cursor iterator asks the query itself.
    active: {
      get: () => query.active,
      set: (active: boolean) => {
        query.active = active
      },
    },
    cursorFn: {
      get: () => {
        const { cursorFn } = query
        return (
          cursorFn &&
          ((rows: unknown) => {
            delivered = true
            return options.inCaller(() => cursorFn(rows))
          })
        )
      },
    },
    ...(forEachFn && {
      forEachFn: {
        value: (row: unknown, result: unknown) => {
          delivered = true
          options.inCaller(() => forEachFn(row, result))
        },
      },
    }),
    ...(options.onexecute && {
      options: { value: { ...query.options, onexecute: options.onexecute } },
    }),
  })
  return {
    query: attempt,
    answered,
    finished,
    get delivered() {
      return delivered
    },
    settle,
  }
}

/** The part of a COPY stream that matters here. */
interface StreamLike {
  destroy(error?: unknown): unknown
  once(event: 'close', listener: () => void): unknown
}

function isStream(value: unknown): value is StreamLike {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}

/** An error of the server reaches a COPY through its stream, whose end is the end of the statement. */
function adoptStream(
  stream: StreamLike,
  { judgeLate }: AttemptOptions,
  finish: () => void,
): StreamLike {
  const destroy = stream.destroy.bind(stream)
  stream.destroy = (error) => destroy(error === undefined ? error : judgeLate(error))
  stream.once('close', finish)
  return stream
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: ((value: T) => void) | undefined
  const promise = new Promise<T>((given) => {
    resolve = given
  })
  return { promise, resolve: (value) => resolve?.(value) }
}
