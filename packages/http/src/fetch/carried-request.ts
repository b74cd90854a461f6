import type { CarriedRequest } from '../platform/replay-platform.js'
import { requestTarget } from '../request-target.js'

/** A request as a platform carries it. @param chunks all of its body */
export function carriedRequest(
  request: Request,
  chunks: readonly Uint8Array[] | undefined,
  signal: AbortSignal,
): CarriedRequest {
  const { method, headers, url } = request
  const { host, protocol } = new URL(url)
  const hasLength = headers.has('content-length') || headers.has('transfer-encoding')
  return {
    method,
    target: requestTarget(url).replace(/#.*$/s, ''),
    headers: [['host', host], ...headers],
    body: chunks ?? (hasLength ? [] : undefined),
    scheme: protocol === 'https:' ? 'https' : 'http',
    // The web's Request does not tell.
    peer: undefined,
    signal,
  }
}
