import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ReplayBody } from './replay-body.js'

/** What a machine answered: the head of a response, with the raw stream if it switched protocols. */
export interface Answer {
  readonly response: IncomingMessage
  readonly tunnel?: { readonly stream: Duplex; readonly head: Buffer }
}

/** The request as it goes over the wire; without a body if it has none. */
export interface OutgoingRequest {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string[]>
  readonly body?: ReplayBody
}

/**
 * Sends one request over an open connection and resolves at the head of the answer; the body goes on being sent.
 * Interim answers (1xx) and trailers are not passed on. Rejects if the connection breaks before an answer.
 */
export function sendRequest(
  connection: Duplex,
  { method, path, headers, body }: OutgoingRequest,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ method, path, headers, createConnection: () => connection })
    outgoing.on('error', reject)
    outgoing.once('response', (response) => {
      response.on('error', () => undefined)
      resolve({ response })
    })
    outgoing.once('upgrade', (response, stream, head) => {
      resolve({ response, tunnel: { stream, head } })
    })
    if (!body) {
      outgoing.end()
      return
    }
    // At once: a machine may answer on the head alone.
    outgoing.flushHeaders()
    body.copyTo(outgoing).catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : new Error('the request body broke off'))
    })
  })
}
