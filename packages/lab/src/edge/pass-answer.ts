import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { EdgeError } from './edge-error.js'
import type { EdgeState, Exchange } from './exchange.js'
import { responseHeaders } from './proxy-headers.js'
import type { Answer } from './send-request.js'

/** How long a refused client may go on sending before its connection is cut, so that it can read the refusal first. */
const lingerMs = 1000

/** Streams a machine's answer to the client as it comes, and no faster than the client reads. */
export async function passResponse(
  edge: EdgeState,
  exchange: Exchange,
  answer: IncomingMessage,
): Promise<void> {
  const { response, body, upgrade } = exchange
  const headers = responseHeaders(edge, exchange, answer.headersDistinct)
  if (upgrade) headers['connection'] = ['close']
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers)
  response.flushHeaders()
  answer.on('data', (chunk: Buffer) => {
    exchange.responseBytes += chunk.length
  })
  await pipeline(answer, response)
  // What the machine did not want to read would block the client's next request on this connection.
  if (!upgrade) void body.discard().catch(() => undefined)
}

/** Joins the client and a machine that switched protocols, until either closes. */
export async function passTunnel(
  edge: EdgeState,
  exchange: Exchange,
  { response: answer, tunnel }: Required<Answer>,
): Promise<void> {
  const { upgrade, response } = exchange
  if (!upgrade) throw new Error('the machine switched protocols unasked')
  const { socket } = upgrade
  const headers = Object.entries({
    ...responseHeaders(edge, exchange, answer.headersDistinct),
    connection: ['Upgrade'],
    upgrade: answer.headersDistinct['upgrade'] ?? [],
  })
  const lines = headers.flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
  const status = `HTTP/1.1 101 ${answer.statusMessage ?? ''}`
  response.detachSocket(exchange.request.socket)
  socket.write(`${[status, ...lines].join('\r\n')}\r\n\r\n`, 'latin1')
  if (upgrade.head.length > 0) socket.unshift(upgrade.head)
  if (tunnel.head.length > 0) tunnel.stream.unshift(tunnel.head)
  socket.on('data', (chunk: Buffer) => {
    exchange.tunnelBytes += chunk.length
  })
  tunnel.stream.on('data', (chunk: Buffer) => {
    exchange.responseBytes += chunk.length
  })
  // A broken side closes the other; neither is an error of the edge.
  await Promise.allSettled([pipeline(socket, tunnel.stream), pipeline(tunnel.stream, socket)])
}

/**
 * Answers in the edge's own name. If the client is still sending, the connection is closed after it, since the rest of the body
 * would be read as the next request; it is given a moment to read the answer.
 */
export async function refuse(
  { settings }: EdgeState,
  exchange: Exchange,
  error: EdgeError,
): Promise<void> {
  const { id, response, request, body, upgrade } = exchange
  const text = `${error.message}\n`
  const isCut = upgrade !== undefined || !request.complete
  response.writeHead(error.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'lab-edge-error': error.code,
    ...(!settings.pristine && { 'fly-request-id': `${id}-${settings.region}` }),
    ...(isCut && { connection: 'close' }),
  })
  if (request.method !== 'HEAD') {
    response.write(text)
    exchange.responseBytes += Buffer.byteLength(text)
  }
  if (isCut && !upgrade) {
    const over = new AbortController()
    const options = { signal: over.signal, ref: false }
    const linger = setTimeout(lingerMs, undefined, options).catch(() => undefined)
    await Promise.race([body.discard().catch(() => undefined), once(response, 'close'), linger])
    over.abort()
  }
  response.end()
}
