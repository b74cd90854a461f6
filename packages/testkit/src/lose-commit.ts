import { connect, createServer, type Socket } from 'node:net'
import type { TcpRelay } from './relay-tcp.js'

/** A relay before a server that passes a COMMIT on, and is gone when its answer comes. */
export async function loseCommit(target: URL): Promise<Omit<TcpRelay, 'lead'>> {
  const sockets = new Set<Socket>()
  const server = createServer((inside) => {
    const outside = connect(Number(target.port), target.hostname)
    let commits = false
    const end = (): void => {
      inside.destroy()
      outside.destroy()
    }
    for (const socket of [inside, outside]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', end)
    }
    inside.on('data', (chunk) => {
      commits ||= /commit/i.test(chunk.toString('latin1'))
      outside.write(chunk)
    })
    outside.on('data', (chunk) => {
      if (commits) end()
      else inside.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const url = new URL(target.href)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
