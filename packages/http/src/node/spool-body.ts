import type { IncomingMessage } from 'node:http'
import { isBeingRead } from './body-size.js'

/**
 * Reads a body until it ends or passes the limit, and puts all of it back: whoever reads the request next finds it as it
 * arrived, paused, with the rest still to come.
 *
 * @param done called once, with what was read, unless the client goes away first; then nobody is left to answer
 */
export function spoolBody(
  req: IncomingMessage,
  limitBytes: number,
  done: (size: 'within' | 'over', chunks: readonly Buffer[]) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0

  // `end` is emitted after a read that finds the end, unless bytes were put back by then: so everything happens in one tick,
  // and nothing is read when there is nothing to put back.
  function readWhatIsThere(): void {
    while (req.readableLength > 0 && bytes <= limitBytes) {
      const chunk: unknown = req.read()
      if (!Buffer.isBuffer(chunk)) break
      chunks.push(chunk)
      bytes += chunk.length
    }
    if (bytes > limitBytes) finish('over')
    else if (req.complete) finish('within')
  }

  function finish(size: 'within' | 'over'): void {
    stop()
    for (const chunk of chunks.toReversed()) req.unshift(chunk)
    // Taking off a `readable` listener makes the stream what it was before, one tick later.
    process.nextTick(done, size, chunks)
  }

  function stop(): void {
    req.off('readable', readWhatIsThere).off('close', stop)
  }

  // What came in one packet with the headers is here one tick later. A `readable` listener on a complete and empty body would
  // make it emit `end` before anyone else listens.
  process.nextTick(() => {
    if (req.destroyed) return
    if (isBeingRead(req)) done('over', chunks)
    else if (req.complete && req.readableLength === 0) done('within', chunks)
    else req.on('readable', readWhatIsThere).on('close', stop)
  })
}
