import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { address } from './node-exchange.ts'

type Fetch = (request: Request) => Response | Promise<Response>

/** What is used of the servers of Bun and Deno. */
interface Runtimes {
  readonly Bun?: {
    serve(options: { port: number; hostname: string; fetch: Fetch; error(): Response }): unknown
  }
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onError(): Response; onListen(): void },
      fetch: Fetch,
    ): unknown
  }
}

/** Serves a handler from Request to Response by the runtime's own server. */
export function serveFetch(fetch: Fetch): void {
  const { Bun, Deno } = globalThis as Runtimes
  const { port, host } = address()
  const failed = (): Response => new Response('failed', { status: 500 })
  if (Bun !== undefined) Bun.serve({ port, hostname: host, fetch, error: failed })
  else if (Deno !== undefined) {
    Deno.serve({ port, hostname: host, onError: failed, onListen() {} }, fetch)
  } else createServer(getRequestListener(fetch, { errorHandler: failed })).listen(port, host)
}
