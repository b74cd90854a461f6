import type { BodySize } from '../admission.js'

/** The size of a request's body as far as its headers tell. */
export function bodySize(request: Request, limitBytes: number): BodySize {
  const length = request.headers.get('content-length')
  if (length !== null && /^\d+$/.test(length) && !request.headers.has('transfer-encoding')) {
    if (Number(length) === 0) return 'none'
    return Number(length) <= limitBytes ? 'within' : 'over'
  }
  if (request.method === 'GET' || request.method === 'HEAD' || request.body === null) return 'none'
  // Someone has read it: its size cannot be known any more.
  return request.bodyUsed || request.body.locked ? 'over' : 'unknown'
}

/**
 * Reads a copy of a request's body until it ends or passes the limit. The request itself is left whole: what was read is kept
 * for it, and the rest comes at the pace of its reader.
 *
 * A copy rather than a request built anew, which would lose what a framework's own kind of Request carries.
 */
export async function measureBody(
  request: Request,
  limitBytes: number,
): Promise<'within' | 'over'> {
  const copy = request.clone().body
  if (copy === null) return 'within'
  const reader = copy.getReader()
  for (let bytes = 0; bytes <= limitBytes; ) {
    const { done, value } = await reader.read()
    if (done) return 'within'
    bytes += value.byteLength
  }
  // Settles only when the request's own half is done with, too.
  reader.cancel().catch(() => undefined)
  return 'over'
}
