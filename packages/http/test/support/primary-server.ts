import type { IncomingMessage, ServerResponse } from 'node:http'
import { startServer, type TestServer } from './node-server.js'

/** A request as it arrived in the primary region. */
export interface Arrived {
  readonly method: string
  readonly url: string
  readonly headers: NodeJS.Dict<string[]>
  readonly body: Buffer
}

export interface PrimaryServer extends TestServer {
  readonly url: string
  readonly arrived: readonly Arrived[]
}

/** The app of the primary region: remembers what arrives, and answers with `answer`, or what it is told. */
export async function startPrimary(
  answer: (res: ServerResponse, req: IncomingMessage) => unknown = (res) => res.end('primary'),
): Promise<PrimaryServer> {
  const arrived: Arrived[] = []
  const server = await startServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const { method = '', url = '', headersDistinct: headers } = req
    arrived.push({ method, url, headers, body: Buffer.concat(chunks) })
    await answer(res, req)
  })
  return { ...server, url: `http://127.0.0.1:${server.port}`, arrived }
}
