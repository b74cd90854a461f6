import type { ServerResponse } from 'node:http'
import type { NativeMethod } from './call-native.js'

/** What decides over a response. */
export interface ResponseHook {
  /** Asked at each call until headers are out: what to do in place of it, and of all that follow. */
  instead(): Replacement | undefined
  /** The headers are out. */
  sent(): void
  /** Asked at each call after that: whether the response must not end normally. */
  isBroken(): boolean
}

/** Answers in place of the app, now or later. @param during the call of the app that is replaced */
export type Replacement = (during: NativeMethod) => void

/**
 * Puts a hook before the first header write, whoever makes it: the app calls `write`, `end` or `flushHeaders`, and all that
 * Node does to send headers goes through `writeHead`. What is written after an answer was replaced goes nowhere, without an
 * error.
 *
 * @see https://github.com/nodejs/node/blob/v24.x/lib/_http_outgoing.js (read 2026-11-24)
 */
export function hookResponse(res: ServerResponse, hook: ResponseHook): void {
  let replaced = false

  /** Whether a call still reaches the response. */
  function passes(during: NativeMethod): boolean {
    if (replaced) return false
    if (!res.headersSent && !res.destroyed) {
      const replace = hook.instead()
      if (replace === undefined) return true
      replaced = true
      replace(during)
      return false
    }
    // As if the client had gone: writes fail, nothing is complete, and no error event is raised.
    if (hook.isBroken() && !res.writableEnded) res.destroy()
    return true
  }

  override(res, 'writeHead', (_args, original) => {
    if (!passes('writeHead')) return res
    const result = original()
    hook.sent()
    return result
  })
  override(res, 'flushHeaders', (_args, original) =>
    passes('flushHeaders') ? original() : undefined,
  )
  override(res, 'write', (args, original) => {
    if (passes('write')) return original()
    callBack(args)
    return true
  })
  override(res, 'end', (args, original) => {
    if (passes('end')) return original()
    callBack(args)
    return res
  })
}

function override(
  res: ServerResponse,
  name: NativeMethod,
  replacement: (args: readonly unknown[], original: () => unknown) => unknown,
): void {
  const original: unknown = Reflect.get(res, name)
  if (typeof original !== 'function') return
  Reflect.set(res, name, (...args: unknown[]): unknown =>
    replacement(args, () => Reflect.apply(original, res, args)),
  )
}

/** `write` and `end` take a callback as their last argument. */
function callBack(args: readonly unknown[]): void {
  const last = args.at(-1)
  if (typeof last === 'function') process.nextTick(() => Reflect.apply(last, undefined, []))
}
