import { subscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'

/** Serves a request; `pass` gives it to the server's own listeners. */
export type ServeRequest = (req: IncomingMessage, res: ServerResponse, pass: () => void) => void

/**
 * Gets between Next's server and its listeners. Nothing hands that server out; but Node tells of each request, and of the
 * server it came to, just before its listeners are called.
 *
 * @see https://nodejs.org/docs/latest-v24.x/api/diagnostics_channel.html#http (read 2026-11-25)
 */
export function hookServer(serve: ServeRequest): void {
  const hooked = new WeakSet<EventEmitter>()
  subscribe('http.server.request.start', (message) => {
    const { server, request } = Object(message)
    if (!(server instanceof EventEmitter) || hooked.has(server) || !isOfNext(request)) return
    hooked.add(server)
    hook(server, serve)
  })
}

/** Next leaves the port it listens on in the environment. An app may have other servers, of its metrics perhaps. */
function isOfNext(request: unknown): boolean {
  const { PORT } = process.env
  if (PORT === undefined) return true
  return request instanceof IncomingMessage && request.socket.localPort === Number(PORT)
}

function hook(server: EventEmitter, serve: ServeRequest): void {
  const original = server.emit
  server.emit = (...event) => {
    const [name, req, res] = event
    const pass = (): boolean => Reflect.apply(original, server, event)
    if (name !== 'request') return pass()
    if (!(req instanceof IncomingMessage) || !(res instanceof ServerResponse)) return pass()
    serve(req, res, pass)
    return true
  }
}
