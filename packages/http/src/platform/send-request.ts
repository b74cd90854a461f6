import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { endToEnd } from './carried-headers.js'

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: readonly Uint8Array[]
  readonly signal: AbortSignal
}

export interface Route {
  /** `request` of node:http or node:https. */
  readonly request: (options: RequestOptions) => ClientRequest
  readonly agent: Agent
  readonly url: URL
  /** The event of a socket that is ready to send. */
  readonly openEvent: 'connect' | 'secureConnect'
  readonly connectTimeoutMs: number
  readonly timeoutMs: number | undefined
}

/** Statuses whose answer has no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Sends one request, once. Resolves at the head of its answer, or to `undefined` when no connection was opened, so that
 * nothing was sent.
 */
export function sendRequest(route: Route, outgoing: Outgoing): Promise<Response | undefined> {
  const { agent, url, openEvent, connectTimeoutMs, timeoutMs } = route
  const { method, path, headers, body, signal } = outgoing
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    const request = route.request({
      agent,
      method,
      path,
      headers,
      // Node wants an address of IPv6 without its brackets.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port,
    })
    let isOpen = false
    let timer = setTimeout(() => request.destroy(), connectTimeoutMs)
    function open(): void {
      isOpen = true
      clearTimeout(timer)
      if (timeoutMs === undefined) return
      const late = new Error('the primary region did not answer in time')
      timer = setTimeout(() => request.destroy(late), timeoutMs)
    }
    function fail(error: Error): void {
      clearTimeout(timer)
      if (isOpen || signal.aborted) reject(error)
      else resolve(undefined)
    }
    const leave = (): void => void request.destroy()
    signal.addEventListener('abort', leave)
    request
      .once('socket', (socket) => {
        // One that was used before says nothing more.
        if (socket.connecting) socket.once(openEvent, open)
        else open()
      })
      .once('response', (answer) => {
        clearTimeout(timer)
        try {
          resolve(toResponse(answer, method))
        } catch (error) {
          answer.destroy()
          reject(error)
        }
      })
      .on('error', fail)
      .once('close', () => {
        signal.removeEventListener('abort', leave)
        fail(new Error('the connection to the primary region was closed'))
      })
    for (const chunk of body) request.write(chunk)
    request.end()
  })
}

function toResponse(answer: IncomingMessage, method: string): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', rawHeaders } = answer
  const received = rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
  )
  const hasBody = method !== 'HEAD' && !BODILESS.has(status)
  // An answer that breaks off is told by its body.
  answer.on('error', () => undefined)
  const init = { status, statusText, headers: [...endToEnd(received)] }
  const response = new Response(hasBody ? streamOf(answer) : null, init)
  if (!hasBody) answer.resume()
  return response
}

/** Its chunks as they come, no faster than they are read. */
function streamOf(answer: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = answer[Symbol.asyncIterator]()
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel(): void {
      answer.destroy()
    },
  }
  return new ReadableStream<Uint8Array>(source, { highWaterMark: 0 })
}
