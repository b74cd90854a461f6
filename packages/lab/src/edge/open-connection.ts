import type { Duplex } from 'node:stream'
import type { EdgeClock } from './edge-clock.js'

/** How long to wait for a connection, and until when it is wanted. */
export interface OpenLimits {
  readonly clock: EdgeClock
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Waits until a stream is connected. Rejects, with the stream destroyed, if it fails, takes too long, or is not wanted any more.
 * A stream that does not say `connecting` counts as open.
 */
export async function openConnection(open: () => Duplex, limits: OpenLimits): Promise<Duplex> {
  limits.signal.throwIfAborted()
  const stream = open()
  // Whoever uses the stream hears of its errors in their own way; without a listener they would end the process.
  stream.on('error', () => undefined)
  const settled = new AbortController()
  const given = AbortSignal.any([limits.signal, settled.signal])
  void limits.clock.sleep(limits.timeoutMs, given).then(() => {
    if (!settled.signal.aborted) stream.destroy(new Error('connecting took too long'))
  })
  try {
    await opened(stream)
    limits.signal.throwIfAborted()
    return stream
  } catch (error) {
    stream.destroy()
    throw error
  } finally {
    settled.abort()
  }
}

function opened(stream: Duplex): Promise<void> {
  if (stream.destroyed)
    return Promise.reject(stream.errored ?? new Error('closed before it opened'))
  if (!('connecting' in stream) || stream.connecting !== true) return Promise.resolve()
  return new Promise((resolve, reject) => {
    stream.once('connect', () => resolve())
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('closed before it opened')))
  })
}
