import type { Duplex } from 'node:stream'
import type { Answer } from '../answer.js'
import { callBack } from './call-back.js'

/** What decides over a socket whose handshake is under way. */
export interface SocketHook {
  /** Asked before the first bytes, and before the socket is given up without any: the answer to send instead. */
  instead(): Answer | undefined
  /** The first bytes go out. @param status the one they say, if any */
  sent(status: number | undefined): void
}

/** A socket with a hook before its first bytes. */
export interface HookedSocket {
  /** Asks the hook now; nothing more of the handler's goes out when it has an answer. */
  replace(): boolean
}

const METHODS = ['write', 'end', 'destroy'] as const
const STATUS = /^HTTP\/1\.1 (\d{3}) /

/** Puts a hook before the first bytes of a socket. What is written after an answer was sent instead goes nowhere. */
export function hookSocket(socket: Duplex, hook: SocketHook): HookedSocket {
  let state: 'waiting' | 'replaced' | 'open' = 'waiting'

  function replace(): boolean {
    if (state !== 'waiting') return state === 'replaced'
    const answer = hook.instead()
    if (answer === undefined) return false
    state = 'replaced'
    answerSocket(socket, answer, native)
    return true
  }

  // Until the app has its own listener. A client that goes away is no error of the app.
  socket.on('error', ignore)
  const originals = new Map(METHODS.map((name) => [name, Reflect.get(socket, name)] as const))
  function native(name: (typeof METHODS)[number], args: readonly unknown[]): unknown {
    const original: unknown = originals.get(name)
    return typeof original === 'function' ? Reflect.apply(original, socket, args) : undefined
  }
  for (const name of METHODS) {
    Reflect.set(socket, name, (...args: unknown[]): unknown => {
      if (replace()) {
        callBack(args)
        return name === 'write' ? true : socket
      }
      if (state === 'waiting' && name !== 'destroy') {
        state = 'open'
        socket.off('error', ignore)
        hook.sent(statusOf(args[0]))
      }
      return native(name, args)
    })
  }
  return { replace }
}

/** Answers on a bare socket, and closes it. */
export function answerSocket(
  socket: Duplex,
  { status, statusText, headers, body }: Answer,
  call: (name: 'end' | 'destroy', args: readonly unknown[]) => unknown = (name, args) =>
    Reflect.apply(socket[name], socket, args),
): void {
  const lines = [
    `HTTP/1.1 ${status} ${statusText}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.on('error', ignore).resume()
  call('end', [`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1', () => call('destroy', [])])
}

function ignore(): void {}

function statusOf(chunk: unknown): number | undefined {
  const text = chunk instanceof Uint8Array ? Buffer.from(chunk).toString('latin1', 0, 13) : chunk
  const status = typeof text === 'string' ? STATUS.exec(text)?.[1] : undefined
  return status === undefined ? undefined : Number(status)
}
