import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'

/** A request body that can be sent more than once, as long as it stays within the buffer. */
export interface ReplayBody {
  /** Body bytes read so far. */
  readonly bytes: number
  /** Whether the client has sent all of it. */
  readonly ended: boolean
  /** Sends the body from its beginning and ends `out`; stops when `out` is closed. Reads no faster than `out` takes. */
  copyTo(out: Writable): Promise<void>
  /** Reads what is left. False, at once, if the body is or is declared to be over the buffer. */
  complete(): Promise<boolean>
  /** Reads what is left and keeps nothing. */
  discard(): Promise<void>
}

/**
 * Keeps up to `limitBytes` of a request's body while it streams to the first machine; past that, keeps nothing and streams on.
 *
 * @see docs/lab-edge-rules.md (PA01); https://fly.io/docs/monitoring/error-codes/
 */
export function createReplayBody(request: IncomingMessage, limitBytes: number): ReplayBody {
  const source: AsyncIterator<unknown> = request[Symbol.asyncIterator]()
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  let chunks: Buffer[] = []
  let firstIndex = 0
  let bytes = 0
  let ended = false
  let reading: Promise<void> | undefined

  /** Readers share one pending read: a sender that gave up must not swallow a piece of the body. */
  function read(): Promise<void> {
    reading ??= pull().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function pull(): Promise<void> {
    const { value, done } = await source.next()
    if (done || !Buffer.isBuffer(value)) {
      ended = true
      return
    }
    bytes += value.length
    if (bytes > limitBytes) {
      // Only the newest piece stays, for the one sender that is reading along.
      firstIndex += chunks.length
      chunks = []
    }
    chunks.push(value)
  }

  return {
    get bytes() {
      return bytes
    },
    get ended() {
      return ended
    },
    async copyTo(out) {
      for (let index = 0; !out.destroyed; ) {
        const chunk = chunks[index - firstIndex]
        if (chunk) {
          index += 1
          if (!out.write(chunk)) await writable(out)
        } else if (ended) {
          out.end()
          return
        } else {
          await read()
        }
      }
    },
    async complete() {
      for (;;) {
        const fits = bytes <= limitBytes && declaredBytes <= limitBytes
        if (ended || !fits) return fits
        await read()
      }
    },
    async discard() {
      for (;;) {
        if (ended) return
        firstIndex += chunks.length
        chunks = []
        await read()
      }
    },
  }
}

function writable(out: Writable): Promise<void> {
  if (out.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      out.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    out.on('drain', done).on('close', done).on('error', done)
  })
}
