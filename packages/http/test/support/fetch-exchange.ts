import type { Exchange } from './contract.js'

/** An exchange, and the response it leads to. */
export function fetchExchange(
  request: Pick<Request, 'arrayBuffer'>,
): Exchange & { response(): Response } {
  const headers = new Headers()
  let body: string | ReadableStream<Uint8Array> | undefined
  return {
    body: async () => Buffer.from(await request.arrayBuffer()),
    cookie: (name, value) => headers.append('set-cookie', `${name}=${value}`),
    reply(text) {
      headers.set('content-type', 'text/plain; charset=UTF-8')
      body = text
    },
    stream(chunks) {
      const iterator = chunks[Symbol.asyncIterator]()
      body = new ReadableStream({
        async pull(controller) {
          const { done, value } = await iterator.next()
          if (done) controller.close()
          else controller.enqueue(new TextEncoder().encode(value))
        },
      })
    },
    response: () => new Response(body ?? null, { headers }),
  }
}
