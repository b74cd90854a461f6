import type { IncomingMessage } from 'node:http'
import type { BodySize } from '../admission.js'

/** The size of a request's body as far as its headers and its state tell. */
export function bodySize(req: IncomingMessage, limitBytes: number): BodySize {
  const length = req.headers['content-length']
  const isChunked = req.headers['transfer-encoding'] !== undefined
  if (!isChunked && length !== undefined) return compare(Number(length), limitBytes)
  if (!isChunked && req.httpVersionMajor < 2) return 'none'
  // HTTP/2 does not tell whether all of a body has arrived before `end` is emitted, so it cannot be given back.
  if (req.httpVersionMajor >= 2) return endsWithHeaders(req) ? 'none' : 'over'
  // Someone reads it, or has read it: its size cannot be known any more.
  if (req.readableDidRead || req.readableFlowing !== null) return 'over'
  return req.complete ? compare(req.readableLength, limitBytes) : 'unknown'
}

function compare(bytes: number, limitBytes: number): BodySize {
  if (bytes === 0) return 'none'
  return bytes <= limitBytes ? 'within' : 'over'
}

function endsWithHeaders(req: IncomingMessage): boolean {
  const stream: unknown = Reflect.get(req, 'stream')
  return (
    typeof stream === 'object' && stream !== null && Reflect.get(stream, 'endAfterHeaders') === true
  )
}
