import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from './contract.js'

export function nodeExchange(req: IncomingMessage, res: ServerResponse): Exchange {
  return {
    async body() {
      const chunks: Buffer[] = []
      for await (const chunk of req) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    cookie: (name, value) => void res.appendHeader('set-cookie', `${name}=${value}`),
    reply: (text) => void res.end(text),
    async stream(chunks) {
      for await (const chunk of chunks) res.write(chunk)
      res.end()
    },
  }
}
