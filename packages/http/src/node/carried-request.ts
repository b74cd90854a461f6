import type { IncomingMessage } from 'node:http'
import type { CarriedRequest } from '../platform/replay-platform.js'
import { requestTarget } from '../request-target.js'

/** A request as a platform carries it. @param chunks all of its body */
export function carriedRequest(
  req: IncomingMessage,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
): CarriedRequest {
  const { method = 'GET', headers, socket } = req
  const { ':authority': authority, ...named } = headers
  const hasBody = 'content-length' in headers || 'transfer-encoding' in headers
  return {
    method,
    target: requestTarget(originalUrl(req)),
    // HTTP/2 has headers of its own.
    headers: Object.entries({ host: authority, ...named }).flatMap(([name, value = []]) =>
      name.startsWith(':') ? [] : [value].flat().map((one): [string, string] => [name, one]),
    ),
    body: hasBody ? chunks : undefined,
    scheme: Reflect.get(socket, 'encrypted') === true ? 'https' : 'http',
    peer: socket.remoteAddress,
    signal,
  }
}

/** Connect and Express cut `url` where a router is mounted, Fastify rewrites it by option; `originalUrl` is the whole. */
export function originalUrl(req: IncomingMessage): string {
  const original: unknown = Reflect.get(req, 'originalUrl')
  return typeof original === 'string' ? original : (req.url ?? '/')
}
