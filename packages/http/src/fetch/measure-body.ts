import type { BodySize } from '../admission.js'

/**
 * The size of a request's body as far as its headers tell.
 *
 * @param mustKeep nobody in front of us can send it again: a body is `unknown` until it has been read
 */
export function bodySize(request: Request, limitBytes: number, mustKeep: boolean): BodySize {
  const length = request.headers.get('content-length')
  if (length !== null && /^\d+$/.test(length) && !request.headers.has('transfer-encoding')) {
    if (Number(length) === 0) return 'none'
    if (Number(length) > limitBytes) return 'over'
    if (!mustKeep) return 'within'
  }
  if (request.method === 'GET' || request.method === 'HEAD' || request.body === null) return 'none'
  // Someone has read it: its size cannot be known any more.
  return request.bodyUsed || request.body.locked ? 'over' : 'unknown'
}

/** A body that was measured. */
export interface MeasuredBody {
  readonly size: 'within' | 'over'
  readonly chunks: readonly Uint8Array[]
}

/**
 * Reads a copy of a request's body until it ends or passes the limit. The request itself is left whole: what was read is kept
 * for it, and the rest comes at the pace of its reader.
 *
 * A copy rather than a request built anew, which would lose what a framework's own kind of Request carries.
 */
export async function measureBody(request: Request, limitBytes: number): Promise<MeasuredBody> {
  const chunks: Uint8Array[] = []
  const copy = request.clone().body
  if (copy === null) return { size: 'within', chunks }
  const reader = copy.getReader()
  for (let bytes = 0; bytes <= limitBytes; ) {
    const { done, value } = await reader.read()
    if (done) return { size: 'within', chunks }
    chunks.push(value)
    bytes += value.byteLength
  }
  // Settles only when the request's own half is done with, too.
  reader.cancel().catch(() => undefined)
  return { size: 'over', chunks }
}
