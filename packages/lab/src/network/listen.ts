import { type AddressInfo, createServer, type Server } from 'node:net'

/** Listens on the port, or on any free one when it is taken, and returns the port. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    return await listenExactly(server, host, port)
  } catch (error) {
    if (port === 0 || !isAddressInUse(error)) throw error
    return listenExactly(server, host, 0)
  }
}

/** @throws Node's own error (`EADDRINUSE`, `EADDRNOTAVAIL`, ...) */
export function listenExactly(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject)
      // A server that listens on host and port has an AddressInfo, never a pipe's string.
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** A port that was free a moment ago: the given one if possible. For servers that are not ours to pass a socket to. */
export async function freePort(host: string, preferred: number): Promise<number> {
  const server = createServer()
  const port = await listen(server, host, preferred)
  await new Promise((resolve) => server.close(resolve))
  return port
}

export function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
