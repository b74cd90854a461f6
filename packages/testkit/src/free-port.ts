import { createServer } from 'node:net'

// Below the ports that the system gives to outgoing connections, and apart for each worker: between the look and the use of
// a port, nobody else may come by.
const FIRST_PORT = 12_000
const PORTS_OF_A_WORKER = 2_000
const WORKERS = 10

const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS
let next = Math.floor(Math.random() * PORTS_OF_A_WORKER)

/** A port of the loopback interface that nobody listens on, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS_OF_A_WORKER; tries++) {
    const port = FIRST_PORT + worker * PORTS_OF_A_WORKER + (next++ % PORTS_OF_A_WORKER)
    if (await isFree(port)) return port
  }
  throw new Error('no port is free')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
