import { createServer, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface Reply {
  readonly status: number
  readonly statusText: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: string
  /** The response broke off before it was complete. */
  readonly aborted: boolean
}

export interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  /** A list is sent in chunks. */
  readonly body?: string | Buffer | readonly (string | Buffer)[]
}

export interface TestServer extends AsyncDisposable {
  readonly port: number
  send(path: string, options?: Sent): Promise<Reply>
  socket(): Socket
}

export async function startServer(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo, never a string or null.
  const { port } = server.address() as AddressInfo
  return {
    port,
    send: (path, options) => send(port, path, options),
    socket: () => connect(port, '127.0.0.1'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(
  port: number,
  path: string,
  { method = 'GET', headers, body }: Sent = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: headers ?? {},
      agent: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      const finish = (): void =>
        resolve({
          status: incoming.statusCode ?? 0,
          statusText: incoming.statusMessage ?? '',
          headers: incoming.headers,
          body: text,
          aborted: !incoming.complete,
        })
      incoming.on('error', () => undefined).on('close', finish)
    })
    if (typeof body === 'string' || Buffer.isBuffer(body)) {
      outgoing.setHeader('content-length', Buffer.byteLength(body))
      outgoing.end(body)
    } else {
      for (const chunk of body ?? []) outgoing.write(chunk)
      outgoing.end()
    }
  })
}
