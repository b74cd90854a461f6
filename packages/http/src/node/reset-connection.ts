import type { ServerResponse } from 'node:http'

/**
 * Gives up the connection of a response so that its client can tell. One that has neither chunks nor a length ends with its
 * connection, as in HTTP/1.0: closed in order, it would look complete.
 */
export function resetConnection(res: ServerResponse): void {
  const { socket, req, chunkedEncoding } = res
  const head: unknown = Reflect.get(res, '_header')
  const hasLength = typeof head === 'string' && /^content-length:/im.test(head)
  if (socket === null || req.httpVersionMajor >= 2 || chunkedEncoding || hasLength) return
  try {
    socket.resetAndDestroy()
  } catch {
    // Neither TLS nor a pipe has it, only TCP.
  }
}
