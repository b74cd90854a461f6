import type { ServerResponse } from 'node:http'

/**
 * Whether bytes of a response are on their way. In Node that is later than `headersSent`, which is true as soon as
 * `writeHead` has noted the headers; in Bun and in HTTP/2 it is the same. Since Node 26 chunks are sent, headers first, a tick
 * after they were written.
 *
 * @see https://github.com/nodejs/node/blob/v26.x/lib/_http_outgoing.js (read 2026-11-25)
 */
export function isBegun(res: ServerResponse): boolean {
  return res.headersSent && (res.writableEnded || !areHeadersNoted(res))
}

/** Whether `writeHead` sends the headers, in Bun and in HTTP/2; else it only notes them. */
export function sendsHeadersAtOnce(res: ServerResponse): boolean {
  return res.req.httpVersionMajor >= 2 || 'bun' in process.versions
}

/**
 * Notes the headers as Node does at the first `write` or at `end`: from there on they are fixed, and handlers that look see
 * them as sent. Not in Bun or in HTTP/2, where they would go out.
 *
 * @param end the arguments of an `end` that comes first, whose chunk is the whole body
 */
export function noteHeaders(res: ServerResponse, end: readonly unknown[] | undefined): void {
  if (res.headersSent || sendsHeadersAtOnce(res)) return
  if (end !== undefined) Reflect.set(res, '_contentLength', lengthOf(end))
  res.writeHead(res.statusCode)
}

/** Whether Node takes the arguments of a `write` or an `end`: it throws on every other chunk, before it does anything. */
export function isSendable(name: 'write' | 'end', [chunk]: readonly unknown[]): boolean {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return true
  return name === 'end' && (!chunk || typeof chunk === 'function')
}

function lengthOf([chunk, encoding]: readonly unknown[]): number {
  if (chunk instanceof Uint8Array) return chunk.byteLength
  if (typeof chunk !== 'string') return 0
  return typeof encoding === 'string' && Buffer.isEncoding(encoding)
    ? Buffer.byteLength(chunk, encoding)
    : Buffer.byteLength(chunk)
}

/** Takes back headers that were only noted. */
export function forgetHeaders(res: ServerResponse): void {
  if (!areHeadersNoted(res)) return
  Reflect.set(res, '_header', null)
  Reflect.set(res, '_contentLength', null)
  Reflect.set(res, 'chunkedEncoding', false)
}

function areHeadersNoted(res: ServerResponse): boolean {
  return (
    typeof Reflect.get(res, '_header') === 'string' &&
    Reflect.get(res, '_headerSent') === false &&
    !hasChunks(res)
  )
}

/** Whether chunks wait for the next tick: they are what else is not counted. */
function hasChunks(res: ServerResponse): boolean {
  const queued: unknown = Reflect.get(res, 'outputSize')
  const elsewhere = (typeof queued === 'number' ? queued : 0) + (res.socket?.writableLength ?? 0)
  return res.writableLength > elsewhere
}
