import type { ServerResponse } from 'node:http'

/**
 * Asks before someone gives up the connection of a response, until the function returned is called. Not when it fails, or has
 * been ended by the client: those are no choice of the app.
 *
 * @param takesOver whether something is sent over it instead
 * @see https://github.com/pillarjs/finalhandler/blob/v2.1.1/index.js (read 2026-11-25)
 */
export function guardSocket(res: ServerResponse, takesOver: () => boolean): () => void {
  const { socket } = res
  if (socket === null || res.req.httpVersionMajor >= 2) return () => undefined
  const own = Object.getOwnPropertyDescriptor(socket, 'destroy')
  const { destroy } = socket
  socket.destroy = (error) =>
    error === undefined && socket.writable && takesOver()
      ? socket
      : Reflect.apply(destroy, socket, [error])
  return () => {
    if (own === undefined) Reflect.deleteProperty(socket, 'destroy')
    else Object.defineProperty(socket, 'destroy', own)
  }
}
