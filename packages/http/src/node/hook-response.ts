import type { ServerResponse } from 'node:http'
import type { HeaderLine } from '../token/token-carrier.js'
import { untilSettled } from '../until-settled.js'
import { callBack } from './call-back.js'
import { callNative, type NativeMethod } from './call-native.js'
import { guardSocket } from './guard-socket.js'
import { headerLines } from './header-lines.js'
import { type Held, holdWrites } from './hold-writes.js'
import { resetConnection } from './reset-connection.js'
import { isBegun, isSendable, noteHeaders, sendsHeadersAtOnce } from './response-state.js'

/** What decides over a response. */
export interface ResponseHook {
  /** Asked at each call until the response has begun: what to do in place of it, and of all that follow. */
  instead(): Replacement | undefined
  /**
   * Whether a statement is in flight that decides over the response, or its headers.
   *
   * @param savesAtEnd whether a middleware behind us has put itself before `end`, as session stores do
   */
  isPending(savesAtEnd: boolean): boolean
  /** The response has begun. */
  sent(): void
  /** Asked at each call after that: whether the response must not end normally. */
  isBroken(): boolean
  /** What to add to the headers, asked as late as they can be known. @default nothing */
  lines?: (() => readonly HeaderLine[]) | undefined
}

type Args = readonly unknown[]

/** A response with a hook before its first bytes. */
export interface HookedResponse {
  /** Whether bytes of it are on their way; what waits is not. */
  hasBegun(): boolean
}

/** Answers in place of the app, now or later. @param during the call of the app that is replaced */
export type Replacement = (during: NativeMethod) => void

/**
 * Puts a hook before the first bytes of a response, whoever sends them: the app calls `write`, `end` or `flushHeaders`, and
 * all that Node does to send headers goes through `writeHead`. What is written after an answer was replaced goes nowhere,
 * without an error.
 *
 * A response that begins with `write` waits for statements in flight: session stores save when the response ends, and send
 * all but its last byte meanwhile.
 *
 * @see https://github.com/nodejs/node/blob/v24.x/lib/_http_outgoing.js (read 2026-11-25)
 * @see https://github.com/expressjs/session/blob/v1.19.0/index.js (read 2026-11-25)
 */
export function hookResponse(res: ServerResponse, hook: ResponseHook): HookedResponse {
  // A middleware in front may yet change what is written, and the headers with it.
  const isBare = !Object.hasOwn(res, 'write') && !Object.hasOwn(res, 'end')
  const headers = hook.lines && headerLines(res, hook.lines)
  let replaced = false
  let held: Held | undefined
  let freeSocket: (() => void) | undefined
  let mayHold = true
  let isEnding = false
  let isSending = false
  let isHeadHeld = false
  let ownEnd: unknown

  function savesAtEnd(): boolean {
    return Reflect.get(res, 'end') !== ownEnd
  }

  function isPending(): boolean {
    return hook.isPending(savesAtEnd())
  }

  function replace(during: NativeMethod): boolean {
    const replacement = hook.instead()
    if (replacement === undefined) return false
    replaced = true
    isSending = true
    res.prependOnceListener('finish', () => {
      isSending = false
    })
    const hasEnded = held?.drop() ?? false
    letGo()
    replacement(hasEnded ? 'end' : during)
    return true
  }

  function letGo(): void {
    held = undefined
    freeSocket?.()
  }

  function hasBegun(): boolean {
    return (held === undefined || isEnding) && isBegun(res)
  }

  /** Whether a call still reaches the response. */
  function passes(during: NativeMethod): boolean {
    if (replaced) return false
    if (!hasBegun() && !res.destroyed) return !replace(during)
    // As if the client had gone: writes fail, nothing is complete, and no error event is raised.
    if (hook.isBroken() && !res.writableEnded) res.destroy()
    return true
  }

  /** What has to wait until it is known whether the response may begin; all that comes after it waits, too. */
  function hold(
    during: 'writeHead' | 'flushHeaders' | 'write' | 'end',
    args: Args,
  ): Held | undefined {
    // Node throws at once, and its caller is there only now.
    const isBody = during === 'write' || during === 'end'
    if (isBare && isBody && !isSendable(during, args)) return undefined
    if (held !== undefined || res.destroyed) return held
    // The end of a response that has begun waits, too: once it is complete, a refusal has nowhere to go.
    isEnding = during === 'end' && isBegun(res) && !res.writableEnded
    if (!isEnding && (!mayHold || isBegun(res))) return undefined
    mayHold = false
    if (during === 'end' && !isPending()) return undefined
    if (isBare) noteHeaders(res, during === 'end' ? args : undefined)
    const waiting = holdWrites(res)
    held = waiting
    // Handlers of errors give up the connection of a response whose headers are out, and these are only noted.
    freeSocket = guardSocket(res, () => !isEnding && replace('destroy'))
    untilSettled(isPending)
      .then(() => {
        if (replaced || (!isEnding && replace('write'))) return
        letGo()
        if (isEnding && hook.isBroken()) {
          waiting.drop()
          res.destroy()
          return
        }
        addLines()
        waiting.release()
        tell()
      })
      // What a call threw has no caller any more.
      .catch((error: unknown) => callNative(res, 'destroy', [error]))
    return held
  }

  function tell<T>(result?: T): T | undefined {
    if (!replaced && hasBegun()) hook.sent()
    return result
  }

  function addLines(): void {
    headers?.before()
    headers?.after()
  }

  override(res, 'writeHead', (args, original) => {
    if (!passes('writeHead')) return res
    if (isHeadHeld && held !== undefined) return res
    // A session store has the headers rendered first, and saves behind that.
    const waiting = sendsHeadersAtOnce(res) && savesAtEnd() ? hold('writeHead', args) : undefined
    if (waiting !== undefined) {
      isHeadHeld = true
      waiting.add(() => original(headers?.before(args)))
      return res
    }
    const rendered = original(headers?.before(args))
    headers?.after()
    const result = tell(rendered)
    // Node only notes the headers, until something is written; a middleware before us writes past this hook.
    process.nextTick(tell)
    return result
  })
  override(res, 'flushHeaders', (args, original) => {
    if (!passes('flushHeaders')) return undefined
    const waiting = hold('flushHeaders', args)
    if (waiting !== undefined) return waiting.add(original)
    addLines()
    return tell(original())
  })
  override(res, 'write', (args, original) => {
    if (!passes('write')) {
      callBack(args)
      return true
    }
    const waiting = hold('write', args)
    if (waiting !== undefined) return waiting.write(args, original)
    addLines()
    return tell(original())
  })
  override(res, 'end', (args, original) => {
    if (!passes('end')) {
      callBack(args)
      return res
    }
    const waiting = hold('end', args)
    if (waiting === undefined) {
      addLines()
      return tell(original())
    }
    waiting.end(args, original)
    return res
  })
  // A source that fails takes the response with it in `pipeline`, and a refusal was its failure.
  override(res, 'destroy', (_args, original) => {
    if (!replaced && !hasBegun() && !res.destroyed) replace('destroy')
    if (isSending) return res
    if (!replaced && hook.isBroken() && !res.writableEnded) resetConnection(res)
    return original()
  })
  ownEnd = Reflect.get(res, 'end')
  return { hasBegun }
}

function override(
  res: ServerResponse,
  name: NativeMethod,
  replacement: (args: Args, original: (changed?: Args) => unknown) => unknown,
): void {
  const original: unknown = Reflect.get(res, name)
  if (typeof original !== 'function') return
  Reflect.set(res, name, (...args: unknown[]): unknown =>
    replacement(args, (changed = args) => Reflect.apply(original, res, [...changed])),
  )
}
