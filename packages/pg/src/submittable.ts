import { bindToCaller } from '@flyback/core/scope'

/** Anything that submits itself to a connection: `pg.Query`, pg-cursor, pg-query-stream, pg-copy-streams. */
export interface Submittable {
  submit(connection: unknown): unknown
}

export function isSubmittable(value: unknown): value is Submittable {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'submit') === 'function'
  )
}

/**
 * The methods pg calls on a Submittable when its answers arrive.
 *
 * @see https://github.com/brianc/node-postgres/blob/master/packages/pg/lib/client.js (8.23.1, read 2026-11-24)
 */
const HANDLERS = [
  'handleRowDescription',
  'handleDataRow',
  'handlePortalSuspended',
  'handleEmptyQuery',
  'handleCommandComplete',
  'handleCopyInResponse',
  'handleCopyData',
  'handleReadyForQuery',
  'handleError',
] as const

const DELIVERIES: ReadonlySet<string> = new Set([
  'handleDataRow',
  'handlePortalSuspended',
  'handleCopyData',
])

interface Hooks {
  /** The error to hand over instead. */
  onError(error: unknown): unknown
  /** Rows or data have come. */
  onDelivery(): void
  /** An error to hand over instead of a success, once its first command tag is known. */
  onComplete(commandTag: string | undefined): unknown
  /** What has to be done before the end is handed over, if anything. Never rejects. */
  capture(commandTags: readonly (string | undefined)[]): Promise<void> | undefined
  /** Calls back when the connection has ended; returns a function that takes the wish back. */
  whenLost(tell: () => void): () => void
}

/**
 * Makes a Submittable's handlers run in the caller's context, with its errors and its end seen by `hooks` first. Changes
 * this one object, and only its own properties.
 */
export function adoptSubmittable(submittable: Submittable, hooks: Hooks): void {
  const tags: (string | undefined)[] = []
  let captured: Promise<void> | undefined
  for (const name of HANDLERS) {
    const handler: unknown = Reflect.get(submittable, name)
    if (typeof handler !== 'function') continue
    const call = bindToCaller((...args: unknown[]): unknown => {
      if (name === 'handleError')
        return Reflect.apply(handler, submittable, [hooks.onError(args[0]), args[1]])
      if (DELIVERIES.has(name)) hooks.onDelivery()
      if (name === 'handleCommandComplete') tags.push(tagOf(args[0]))
      if (name === 'handleReadyForQuery') {
        const failure = hooks.onComplete(tags[0])
        const handleError: unknown = Reflect.get(submittable, 'handleError')
        if (failure !== undefined && typeof handleError === 'function') {
          return Reflect.apply(handleError, submittable, [failure, args[0]])
        }
        // What was broken off has none.
        captured = hooks.capture(tags.length === 0 ? [undefined] : tags)
        if (captured !== undefined) {
          const hand = bindToCaller((): unknown => Reflect.apply(handler, submittable, args))
          return void captured.then(hand)
        }
      }
      return Reflect.apply(handler, submittable, args)
    })
    Reflect.set(submittable, name, call)
  }
  bindEvents(submittable, hooks, () => captured)
}

/** COPY reads the socket itself, and a cursor closes at an event of the connection: both in nobody's context. */
function bindEvents(
  submittable: Submittable,
  hooks: Hooks,
  captured: () => Promise<void> | undefined,
): void {
  const emit: unknown = Reflect.get(submittable, 'emit')
  if (typeof emit === 'function') {
    const emitting = (...args: unknown[]): unknown => {
      if (args[0] === 'data') hooks.onDelivery()
      return Reflect.apply(emit, submittable, args)
    }
    Reflect.set(submittable, 'emit', bindToCaller(emitting))
  }
  // A query stream closes the cursor it holds.
  for (const closable of [submittable, Reflect.get(submittable, 'cursor')]) {
    if (typeof closable === 'object' && closable !== null) adoptClose(closable, hooks, captured)
  }
}

/**
 * A cursor closes when the server is ready, which a connection that has ended never is: its readers would wait for ever.
 *
 * @see https://github.com/brianc/node-postgres/blob/master/packages/pg-cursor/index.js (2.22.0, read 2026-11-25)
 */
function adoptClose(
  cursor: object,
  { whenLost }: Hooks,
  captured: () => Promise<void> | undefined,
): void {
  const close: unknown = Reflect.get(cursor, 'close')
  if (typeof close !== 'function') return
  Reflect.set(cursor, 'close', (callback?: unknown): unknown => {
    if (typeof callback !== 'function') {
      return new Promise<void>((resolve, reject) => {
        closeOnce((error) => (error ? reject(error) : resolve()))
      })
    }
    const bound = bindToCaller((...args: unknown[]) => Reflect.apply(callback, undefined, args))
    return closeOnce(bound)
  })

  function closeOnce(done: (error?: unknown) => unknown): unknown {
    let over = false
    const finish = (error?: unknown): void => {
      if (over) return
      over = true
      forget()
      // What a statement that was broken off has committed is in the scope before its cursor is closed.
      const capturing = captured()
      if (capturing === undefined) done(error)
      else void capturing.then(() => done(error))
    }
    const forget = whenLost(finish)
    return typeof close === 'function' && Reflect.apply(close, cursor, [finish])
  }
}

function tagOf(message: unknown): string | undefined {
  const text: unknown =
    typeof message === 'object' && message !== null ? Reflect.get(message, 'text') : undefined
  // `INSERT 0 1`
  return typeof text === 'string' ? text.split(' ', 1)[0] : undefined
}
