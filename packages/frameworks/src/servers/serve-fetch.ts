import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { ContractApp } from '../app/index.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

/** Makes a WebSocket of a request, where the server of the runtime does that with one. */
export type Accept = (request: Request, hello: string) => Response

type Fetch = (request: Request, accept: Accept) => Response | Promise<Response>

interface BunSocket {
  readonly data: string
  send(text: string): void
}

/** What is used of the servers of Bun and Deno. */
interface Runtimes {
  readonly Bun?: {
    serve(options: {
      readonly port: number
      readonly hostname: string
      fetch(
        request: Request,
        server: { upgrade(request: Request, options: { data: string }): boolean },
      ): Response | Promise<Response>
      error(): Response
      readonly websocket: {
        open(socket: BunSocket): void
        message(socket: BunSocket, text: string): Promise<void>
      }
    }): unknown
  }
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onError(): Response; onListen(): void },
      fetch: (request: Request) => Response | Promise<Response>,
    ): unknown
    upgradeWebSocket(request: Request): {
      readonly socket: WebSocket
      readonly response: Response
    }
  }
}

/** Serves a handler from Request to Response, and the contract's WebSockets, by the runtime's own server. */
export function serveFetch({ sockets, options }: ContractApp, fetch: Fetch): void {
  const { Bun, Deno } = globalThis as Runtimes
  const { port, host: hostname } = address()
  const failed = (): Response => new Response('failed', { status: 500 })
  if (Bun !== undefined) {
    Bun.serve({
      port,
      hostname,
      error: failed,
      fetch: (request, server) =>
        fetch(request, (upgraded, data) => {
          server.upgrade(upgraded, { data })
          // Bun has answered by then, and drops this.
          return new Response(null)
        }),
      websocket: {
        open: (socket) => socket.send(socket.data),
        message: async (socket, text) => socket.send(await sockets.answer(text)),
      },
    })
  } else if (Deno !== undefined) {
    const accept: Accept = (request, hello) => {
      const { socket, response } = Deno.upgradeWebSocket(request)
      socket.addEventListener('open', () => socket.send(hello))
      socket.addEventListener('message', async ({ data }) => {
        socket.send(await sockets.answer(String(data)))
      })
      return response
    }
    Deno.serve({ port, hostname, onError: failed, onListen() {} }, (request) =>
      fetch(request, accept),
    )
  } else {
    const listener = getRequestListener((request) => fetch(request, failed), {
      errorHandler: failed,
    })
    const server = createServer(listener).listen(port, hostname)
    serveSockets(server, { sockets, options })
  }
}
