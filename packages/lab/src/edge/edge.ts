import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { EdgeError } from './edge-error.js'
import { type EdgeOptions, readEdgeOptions } from './edge-options.js'
import type { EdgeRecord } from './edge-record.js'
import type { EdgeState, Exchange } from './exchange.js'
import { isLoopback } from './machine-table.js'
import { refuse } from './pass-answer.js'
import { refuseRequest } from './refuse-request.js'
import { createReplayBody } from './replay-body.js'
import { createReplayCache } from './replay-cache.js'
import { routeRequest } from './route-request.js'

/** A running edge. */
export interface Edge extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  readonly region: string
  readonly port: number
  /** Stops listening and cuts every connection. A second call waits for the first. */
  close(): Promise<void>
}

/**
 * Starts Fly's HTTP proxy for one region, as an app sees it: requests go to the nearest machine of the table, and an answer
 * with `fly-replay` sends the whole request elsewhere.
 *
 * Plain HTTP/1.1 on a loopback address. Every rule, with its source and its test, is in docs/lab-edge-rules.md.
 * Rejects if the address cannot be listened on.
 *
 * @example
 * const machines = createMachineTable()
 * machines.add({ id: 'm1', region: 'ewr', host: '127.0.0.1', port: 3000 })
 * await using edge = await startEdge({ region: 'iad', machines })
 * await fetch(edge.url)
 *
 * @throws RangeError for a listening address that is not loopback, or a session cache rule that is not valid.
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const settings = readEdgeOptions(options)
  if (!isLoopback(settings.host)) throw new RangeError('an edge listens on a loopback address only')
  const closing = new AbortController()
  let port = 0
  const edge: EdgeState = {
    settings,
    cache: createReplayCache(settings.replayCache, settings.clock),
    load: new Map(),
    detached: new Set(),
    port: () => port,
  }
  // Uploads may be as slow as a test wants them.
  const server = createServer({ insecureHTTPParser: false, requestTimeout: 0 })
  server.on('request', (request, response) => {
    void handle(edge, closing.signal, request, response)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    detach(socket)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(request.socket)
    response.once('finish', () => socket.end())
    void handle(edge, closing.signal, request, response, { socket, head })
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    detach(socket)
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(settings.port, settings.host, resolve)
  })
  const address = server.address()
  if (typeof address === 'object' && address) port = address.port

  function detach(socket: Duplex): void {
    edge.detached.add(socket)
    socket.once('close', () => edge.detached.delete(socket)).on('error', () => undefined)
  }

  let closed: Promise<void> | undefined
  function close(): Promise<void> {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve())
      closing.abort()
      server.closeAllConnections()
      for (const socket of edge.detached) socket.destroy()
    })
    return closed
  }
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  return {
    url: `http://${host}:${port}`,
    region: settings.region,
    port,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Never rejects: whatever a client or a machine does ends this one request and no more. */
async function handle(
  edge: EdgeState,
  closing: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
  upgrade?: Exchange['upgrade'],
): Promise<void> {
  const { clock, switches } = edge.settings
  const startedMs = clock.nowMs()
  const left = new AbortController()
  request.on('error', () => undefined)
  response.once('close', () => {
    if (!response.writableFinished) left.abort()
  })
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const host = (request.headers.host ?? '').replace(/:\d*$/, '').toLowerCase()
  const exchange: Exchange = {
    id: randomBytes(13).toString('hex').toUpperCase(),
    request,
    response,
    upgrade,
    body: createReplayBody(request, switches.replayBufferBytes),
    cacheKey: { host, path, headers: request.headersDistinct },
    signal: AbortSignal.any([left.signal, closing]),
    hops: [],
    cookies: [],
    responseBytes: 0,
    tunnelBytes: 0,
  }
  let failure: unknown
  try {
    refuseRequest(request, upgrade !== undefined)
    await routeRequest(edge, exchange)
  } catch (error) {
    failure = error
    if (error instanceof EdgeError && !response.headersSent && !exchange.signal.aborted) {
      await refuse(edge, exchange, error).catch(() => response.destroy())
    } else {
      // No client may take half an answer for a whole one.
      response.destroy()
      upgrade?.socket.destroy()
    }
  }
  report(edge, exchange, startedMs, failure)
}

function report(edge: EdgeState, exchange: Exchange, startedMs: number, failure: unknown): void {
  const { region, clock, onRequest } = edge.settings
  const { id, request, response, hops, body, upgrade, cacheKey } = exchange
  const tunnelled = upgrade !== undefined && hops.at(-1)?.status === 101
  const status = tunnelled ? 101 : response.headersSent ? response.statusCode : undefined
  const record: EdgeRecord = {
    id: `${id}-${region}`,
    method: request.method ?? 'GET',
    path: cacheKey.path,
    region,
    hops,
    ...(status !== undefined && { status }),
    ...(failure instanceof EdgeError && { error: failure.code }),
    aborted: exchange.signal.aborted || (failure !== undefined && !(failure instanceof EdgeError)),
    durationMs: clock.nowMs() - startedMs,
    requestBytes: body.bytes + exchange.tunnelBytes,
    responseBytes: exchange.responseBytes,
  }
  try {
    onRequest(record)
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error('onRequest threw'))
  }
}
