import type { ServerResponse } from 'node:http'
import { callBack } from './call-back.js'

type Args = readonly unknown[]

/** What an app has written to a response that may not begin yet. */
export interface Held {
  /** Keeps a call for later. */
  add(original: () => unknown): void
  /** Keeps a `write`; `false` when its caller should wait for `drain`, as always. */
  write(args: Args, original: () => unknown): boolean
  /** Keeps an `end`. */
  end(args: Args, original: () => unknown): void
  /** Makes all calls, in their order. */
  release(): void
  /** Forgets all calls, as if they had been made; whether `end` was one of them. */
  drop(): boolean
}

interface Call {
  readonly args: Args
  readonly original: () => unknown
}

/** Keeps the calls that would begin a response, until they are released or dropped. */
export function holdWrites(res: ServerResponse): Held {
  const calls: Call[] = []
  let bytes = 0
  let hasEnded = false

  function isFull(): boolean {
    return bytes >= res.writableHighWaterMark
  }

  return {
    add(original) {
      calls.push({ args: [], original })
    },
    write(args, original) {
      calls.push({ args, original })
      const [chunk] = args
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) bytes += chunk.length
      return !hasEnded && !isFull()
    },
    end(args, original) {
      calls.push({ args, original })
      hasEnded = true
      // A handler that asks must not end twice. By `finished` a server that closes takes the connection for an idle one.
      Reflect.defineProperty(res, 'writableEnded', { configurable: true, value: true })
    },
    release() {
      let written: unknown
      Reflect.deleteProperty(res, 'writableEnded')
      for (const { original } of calls) written = original()
      // Node emits it itself where it asked to wait.
      if (isFull() && !hasEnded && written !== false) process.nextTick(() => res.emit('drain'))
    },
    drop() {
      Reflect.deleteProperty(res, 'writableEnded')
      for (const { args } of calls) callBack(args)
      return hasEnded
    },
  }
}
