import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:net'
import {
  createMachineTable,
  type Edge,
  type EdgeOptions,
  type EdgeRecord,
  type MachineEntry,
  type MachineTable,
  startEdge,
} from '../../src/edge/index.js'

/** A request as a machine saw it. */
export interface Seen {
  readonly machine: string
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface AppAnswer {
  readonly status?: number
  readonly headers?: Record<string, string | readonly string[]>
  readonly body?: string
}

/** What a machine answers once it has the body; or, with two parameters, takes the answer into its own hands. */
export type App = (
  seen: Seen,
  request: IncomingMessage,
  response: ServerResponse,
) => AppAnswer | undefined

export interface Place {
  readonly region: string
  readonly app?: string
  readonly answer?: App
  /** Called at the head of a request, before the body is read; true if it has answered. */
  readonly early?: (request: IncomingMessage, response: ServerResponse) => boolean
}

export interface World extends AsyncDisposable {
  readonly edge: Edge
  readonly machines: MachineTable
  readonly entries: Readonly<Record<string, MachineEntry>>
  readonly seen: readonly Seen[]
  readonly records: readonly EdgeRecord[]
  readonly send: (options?: SendOptions) => Promise<ClientAnswer>
  /** Resolves when `count` requests have been recorded. */
  readonly recorded: (count: number) => Promise<void>
}

/** An edge in `region` (iad) with machines on loopback servers. A machine answers 200 with its id unless told otherwise. */
export async function startWorld(
  places: Record<string, Place>,
  options: Partial<EdgeOptions> = {},
): Promise<World> {
  const stack = new AsyncDisposableStack()
  const machines = createMachineTable()
  const seen: Seen[] = []
  const records: EdgeRecord[] = []
  const entries: Record<string, MachineEntry> = {}
  for (const [id, { region, app, answer, early }] of Object.entries(places)) {
    const port = await startServer(stack, (request, response) => {
      if (early?.(request, response)) return
      void readAll(request).then((body) => {
        const { method = '', url = '', headers } = request
        const one = { machine: id, method, path: url, headers, body }
        seen.push(one)
        const reply = answer ? answer(one, request, response) : { body: id }
        if (!reply) return
        for (const [name, value] of Object.entries(reply.headers ?? {}))
          response.setHeader(name, value)
        response.writeHead(reply.status ?? 200).end(reply.body)
      })
    })
    entries[id] = machines.add({ id, region, host: '127.0.0.1', port, ...(app && { app }) })
  }
  const edge = stack.use(
    await startEdge({
      region: 'iad',
      machines,
      onRequest: (record) => records.push(record),
      ...options,
    }),
  )
  return {
    edge,
    machines,
    entries,
    seen,
    records,
    send: (given) => send(edge.port, given),
    recorded: async (count) => {
      while (records.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function startServer(
  stack: AsyncDisposableStack,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return portOf(server.address())
}

export function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (typeof address !== 'object' || !address) throw new Error('not listening on a port')
  return address.port
}

/** A promise and the means to settle it. */
export function deferred<T>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
} {
  let settle: ((value: T) => void) | undefined
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: (value) => settle?.(value) }
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port = portOf(server.address())
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface SendOptions {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
  /** Sends the body without a length. */
  readonly chunked?: boolean
}

export interface ClientAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

/** One request on its own connection. */
export async function send(port: number, options: SendOptions = {}): Promise<ClientAnswer> {
  const { method = 'GET', path = '/', headers = {}, body, chunked } = options
  const request = httpRequest({ port, method, path, agent: false, headers })
  if (body !== undefined && chunked) request.setHeader('transfer-encoding', 'chunked')
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).on('error', reject)
  })
  if (body !== undefined && chunked) {
    const bytes = Buffer.from(body)
    for (let at = 0; at < bytes.length; at += 65_536) request.write(bytes.subarray(at, at + 65_536))
    request.end()
  } else {
    request.end(body)
  }
  const response = await answered
  const received = await readAll(response)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: received,
    text: received.toString(),
  }
}

/** Sends bytes as they are and resolves with everything that came back when the edge has closed the connection. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.write(text)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

export async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  } catch {
    // Cut off: what has come is what there is.
  }
  return Buffer.concat(chunks)
}

/** Answers with a replay unless the request has been replayed already. */
export function replayTo(value: string, answer: AppAnswer = {}): App {
  return ({ headers, machine }) =>
    headers['fly-replay-src'] === undefined && headers['fly-replay-failed'] === undefined
      ? { status: 409, ...answer, headers: { ...answer.headers, 'fly-replay': value } }
      : { body: machine }
}

/** Answers with the JSON form unless the request has been replayed already. */
export function replayJson(document: unknown): App {
  return ({ headers, machine }) =>
    headers['fly-replay-src'] === undefined && headers['fly-replay-failed'] === undefined
      ? {
          headers: { 'content-type': 'application/vnd.fly.replay+json' },
          body: JSON.stringify(document),
        }
      : { body: machine }
}

/** A clock that tests move by hand; sleeping takes no time unless it is told to. */
export function manualClock(): {
  nowMs: () => number
  sleep: () => Promise<void>
  advance: (ms: number) => void
} {
  let nowMs = 1_700_000_000_000
  return {
    nowMs: () => nowMs,
    sleep: () => new Promise(() => undefined),
    advance: (ms) => {
      nowMs += ms
    },
  }
}
