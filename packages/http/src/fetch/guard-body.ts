import type { Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import type { ResponseWatch } from '../response-watch.js'

type Chunk = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>['read']>>

/** The beginning of a body: all of it when it was there at once, or a stream that has begun. */
export interface BodyStart {
  /** Set when one chunk was all: a string or a buffer, which servers send with its length. */
  readonly whole: Uint8Array<ArrayBuffer> | undefined
  /** What the first read has failed with, if it has. */
  readonly failure: unknown
  /**
   * The same body, broken off once `watch` says so, and not ended before what is pending has settled. Nothing is buffered.
   * `done` is called however it ends.
   */
  guarded(
    watch: ResponseWatch,
    settled: () => Promise<void>,
    done: (completed: boolean) => void,
  ): ReadableStream<Uint8Array<ArrayBuffer>>
  cancel(): void
}

/**
 * Begins to read a body, in the scope: what its source runs belongs to the request. Asks twice at most, and waits no longer
 * than for what is there already.
 */
export async function startBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  scope: Scope,
): Promise<BodyStart> {
  const reader = body.getReader()
  const read = (): Promise<Chunk> => runInScope(scope, () => reader.read())
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  const asked = [read()]
  let failure: unknown
  asked[0]?.catch((error: unknown) => {
    failure = error
  })

  const first = await ifThere(asked[0])
  if (first?.done === false) asked.push(read())
  const isWhole = first?.done === true || (await ifThere(asked[1]))?.done === true

  function guarded(
    watch: ResponseWatch,
    settled: () => Promise<void>,
    done: (completed: boolean) => void,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    async function pull(
      controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
    ): Promise<void> {
      try {
        const chunk = await (asked.shift() ?? read())
        if (chunk.done) await settled()
        if (watch.isBroken()) throw scope.lostRefusal ?? scope.refusal
        if (chunk.value !== undefined) controller.enqueue(chunk.value)
        if (!chunk.done) return
        controller.close()
        done(true)
      } catch (error) {
        controller.error(error)
        cancel()
        done(false)
      }
    }
    const source = {
      pull,
      cancel(reason: unknown): Promise<void> {
        done(false)
        return reader.cancel(reason)
      },
    }
    // Without a buffer of its own it reads only when it is read.
    return new ReadableStream<Uint8Array<ArrayBuffer>>(source, { highWaterMark: 0 })
  }

  return {
    whole: isWhole ? (first?.value ?? new Uint8Array()) : undefined,
    failure,
    guarded,
    cancel,
  }
}

/** What a promise has become before the next turn of the event loop; `undefined` when that is nothing, or an error. */
async function ifThere(promise: Promise<Chunk> | undefined): Promise<Chunk | undefined> {
  if (promise === undefined) return undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const turn = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 0)
  })
  try {
    return await Promise.race([promise.catch(() => undefined), turn])
  } finally {
    clearTimeout(timer)
  }
}
