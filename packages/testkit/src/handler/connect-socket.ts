import { on, once } from 'node:events'

/** A WebSocket that was opened. */
export interface OpenSocket extends Disposable {
  /** The next message, waiting for it. */
  next(): Promise<string>
  say(text: string): void
}

/** Opens a WebSocket; rejects when the server refuses the upgrade. */
export async function connectSocket(origin: string, path: string): Promise<OpenSocket> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`)
  const messages = on(socket, 'message')
  const refused = once(socket, 'error').then(() => {
    throw new Error(`no WebSocket at ${path}`)
  })
  await Promise.race([once(socket, 'open'), refused])
  return {
    async next() {
      const { value } = await messages.next()
      return String(Object(value?.[0]).data)
    },
    say: (text) => socket.send(text),
    [Symbol.dispose]: () => socket.close(),
  }
}
