import { request } from 'node:http'

/** A request as it goes over the wire: nothing is added, followed, decoded or written anew. */
export interface Sent {
  /** @default 'GET' */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A list is sent chunked, without a length. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
  readonly signal?: AbortSignal
  /** Called for each part of the response's body as it comes. */
  readonly onPart?: (part: string) => void
}

/** What came back. */
export interface Answer {
  readonly status: number
  /** As they came, with names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** False when the connection broke before the body's end. */
  readonly complete: boolean
  header(name: string): string | undefined
  all(name: string): string[]
  text(): string
  json(): Record<string, unknown>
}

/** Sends one request on a connection of its own. @param path as it is to be on the wire */
export function send(origin: string, path: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, signal, onPart } = sent
  const { hostname, port } = new URL(origin)
  const isList = Array.isArray(body)
  const lengthOf = (whole: string | Uint8Array): number => Buffer.byteLength(whole)
  const length =
    body === undefined || isList ? {} : { 'content-length': lengthOf(body as string | Uint8Array) }
  return new Promise((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      path,
      method,
      agent: false,
      headers: { ...length, ...(isList && { 'transfer-encoding': 'chunked' }), ...headers },
      ...(signal && { signal }),
    })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => {
        parts.push(part)
        onPart?.(part.toString())
      })
      // A body that breaks off is an answer too.
      incoming.on('error', () => undefined)
      incoming.once('close', () => {
        const { statusCode = 0, rawHeaders, complete } = incoming
        resolve(createAnswer(statusCode, rawHeaders, Buffer.concat(parts), complete))
      })
    })
    if (isList) for (const part of body) outgoing.write(part)
    else if (body !== undefined) outgoing.write(body)
    outgoing.end()
  })
}

function createAnswer(
  status: number,
  raw: readonly string[],
  body: Buffer,
  complete: boolean,
): Answer {
  const headers: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) {
    headers.push([raw[at]?.toLowerCase() ?? '', raw[at + 1] ?? ''])
  }
  const all = (name: string): string[] =>
    headers.filter(([one]) => one === name).map(([, value]) => value)
  return {
    status,
    headers,
    body,
    complete,
    header: (name) => all(name)[0],
    all,
    text: () => body.toString(),
    json: () => Object(JSON.parse(body.toString())),
  }
}
