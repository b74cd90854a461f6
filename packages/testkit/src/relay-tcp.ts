import { connect, createServer, type Socket } from 'node:net'

/** A TCP endpoint in front of a server, under a URL of the same kind. */
export interface TcpRelay extends AsyncDisposable {
  readonly url: string
  /** Where connections opened from now on lead. */
  lead(to: URL): void
}

/**
 * Relays TCP to a server, and can be pointed elsewhere or listened to.
 *
 * @param tap makes a listener to what the client of one connection sends
 */
export async function relayTcp(first: URL, tap?: () => (chunk: Buffer) => void): Promise<TcpRelay> {
  let target = first
  const sockets = new Set<Socket>()
  const server = createServer((inside) => {
    const outside = connect(Number(target.port), target.hostname)
    if (tap !== undefined) inside.on('data', tap())
    join(inside, outside)
    join(outside, inside)
  })

  function join(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const url = new URL(first.href)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    lead(to) {
      target = to
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
