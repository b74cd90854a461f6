import type { Ask, Reply } from './ask-reply.ts'

/** The web's Request as the contract's app sees it. */
export function askOf(request: Request): Ask {
  return {
    method: request.method,
    get url() {
      // Not through `URL`, which would write the path anew.
      return request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/'
    },
    header: (name) => request.headers.get(name) ?? undefined,
    text: () => request.text(),
    bytes: async () => new Uint8Array(await request.arrayBuffer()),
  }
}

/** A reply as the web's Response. */
export function toResponse({ status, headers, body }: Reply): Response {
  const list = headers.map(([name, value]): [string, string] => [name, value])
  const init = { status, headers: list }
  if (body === null || typeof body === 'string') return new Response(body, init)
  if (body instanceof Uint8Array) return new Response(new Uint8Array(body), init)
  return new Response(toStream(body), init)
}

/** Asks for a part when one is read, and breaks off when its source does. */
function toStream(parts: AsyncIterable<string | Uint8Array>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const iterator = parts[Symbol.asyncIterator]()
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
      const { done, value } = await iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
    },
    async cancel(): Promise<void> {
      await iterator.return?.()
    },
  }
  return new ReadableStream<Uint8Array>(source, { highWaterMark: 0 })
}
