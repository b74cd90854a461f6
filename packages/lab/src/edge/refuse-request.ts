import type { IncomingMessage } from 'node:http'
import { EdgeError } from './edge-error.js'

/**
 * Refuses requests that could make a proxy talk to someone else, or two servers disagree about where a request ends.
 * Broken framing and oversized heads never get here: Node's parser answers them with 400 or 431.
 *
 * @throws EdgeError
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 (request target), #section-6.1 (transfer coding)
 */
export function refuseRequest(request: IncomingMessage, isUpgrade: boolean): void {
  const { method, url = '', headers, headersDistinct } = request
  const isAsterisk = url === '*' && method === 'OPTIONS'
  if (!url.startsWith('/') && !isAsterisk) throw new EdgeError('LAB400', 'the target is not a path')
  if ((headersDistinct['host'] ?? []).length > 1)
    throw new EdgeError('LAB400', 'more than one Host')
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    throw new EdgeError('LAB501')
  const length = headers['content-length'] ?? '0'
  if (isUpgrade && (coding !== undefined || length !== '0')) {
    throw new EdgeError('LAB400', 'an upgrade with a body')
  }
}
