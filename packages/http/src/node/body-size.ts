import type { IncomingMessage } from 'node:http'
import type { BodySize } from '../admission.js'

/**
 * The size of a request's body as far as its headers and its state tell.
 *
 * @param mustKeep nobody in front of us can send it again: a body is `unknown` until it has been read
 */
export function bodySize(req: IncomingMessage, limitBytes: number, mustKeep: boolean): BodySize {
  const length = req.headers['content-length']
  const isChunked = req.headers['transfer-encoding'] !== undefined
  if (!isChunked && length !== undefined) {
    const size = compare(Number(length), limitBytes)
    if (size !== 'within' || !mustKeep) return size
  } else if (!isChunked && req.httpVersionMajor < 2) return 'none'
  // HTTP/2 does not tell whether all of a body has arrived before `end` is emitted, so it cannot be given back.
  if (req.httpVersionMajor >= 2) return endsWithHeaders(req) ? 'none' : 'over'
  if (isBeingRead(req)) return 'over'
  return req.complete && !mustKeep ? compare(req.readableLength, limitBytes) : 'unknown'
}

/** Whether someone reads the body, or has read it, or nobody can say: its size cannot be known. */
export function isBeingRead(req: IncomingMessage): boolean {
  // The request that `inject` of Fastify makes never says that it is complete.
  const isMock = typeof req.complete !== 'boolean'
  return isMock || req.readableDidRead || req.readableFlowing !== null
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
