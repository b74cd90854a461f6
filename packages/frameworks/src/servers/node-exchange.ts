import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Ask, Reply } from '../app/index.ts'

/** Node's request as the contract's app sees it. @param body what a body parser made of it, where one ran before */
export function askOf(
  req: IncomingMessage,
  body: () => Promise<Uint8Array> = () => buffer(req),
): Ask {
  return {
    method: req.method ?? 'GET',
    url: req.url ?? '/',
    header(name) {
      const value = req.headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : value
    },
    bytes: body,
    text: async () => new TextDecoder().decode(await body()),
  }
}

/** Sends a reply by Node's own means. */
export async function sendReply(
  res: ServerResponse,
  { status, headers, body }: Reply,
): Promise<void> {
  res.statusCode = status
  for (const [name, value] of headers) res.appendHeader(name, value)
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) res.end(body ?? '')
  else await pipeline(Readable.from(body), res)
}

/** Where the server listens. */
export function address(): { readonly port: number; readonly host: string } {
  return { port: Number(process.env['PORT']), host: process.env['HOST'] ?? '127.0.0.1' }
}
