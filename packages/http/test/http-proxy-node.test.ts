import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import * as http2 from 'node:http2'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createGzip } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flyback, httpProxy, withFlyback } from '../src/node.js'
import { CERTIFICATE, KEY } from './support/certificate.js'
import { refuse } from './support/contract.js'
import { NO_PLATFORM } from './support/environments.js'
import { startServer } from './support/node-server.js'
import { startPrimary } from './support/primary-server.js'

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
type Handler = (req: IncomingMessage, res: ServerResponse) => unknown
const through = (url: string): object => ({ env: NO_PLATFORM, platform: httpProxy({ url }) })
const serve = (url: string, handler: Handler): ReturnType<typeof startServer> =>
  startServer(withFlyback(handler, through(url)))
const refused: Handler = () => {
  throw refuse()
}

async function listen(server: Server | http2.Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo.
  return (server.address() as AddressInfo).port
}

test.each([
  ['/a/../%2e%2e/./b', '/a/../%2e%2e/./b'],
  ['/a\\..\\{x}|"<>^`?q={}|"', '/a\\..\\{x}|"<>^`?q={}|"'],
  ['http://evil.test/a?b', '/a?b'],
  ['http://evil.test', '/'],
  ['http://evil.test?b', '/?b'],
  ['HTTPS://u:p@evil.test:81//b', '//b'],
  ['//evil.test\\@x', '//evil.test\\@x'],
])('rule 20: the target %s arrives as %s, at the primary', async (target, url) => {
  await using primary = await startPrimary()
  await using server = await serve(primary.url, refused)
  const socket = server.socket()
  socket.write(`GET ${target} HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n`)
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n.*primary/s)
  expect(primary.arrived.map((arrived) => arrived.url)).toEqual([url])
  expect(primary.arrived[0]?.headers['host']).toEqual([new URL(primary.url).host])
})

test.each(['TRACE', 'OPTIONS', 'PURGE', 'QUERY', 'GET'])(
  '%s passes, with a body',
  async (method) => {
    await using primary = await startPrimary()
    await using server = await serve(primary.url, refused)
    const reply = await server.send('/', { method, body: 'x' })
    expect(reply).toMatchObject({ status: 200, body: 'primary' })
    expect(primary.arrived[0]).toMatchObject({ method, body: Buffer.from('x') })
  },
)

describe('over https', () => {
  const certificates = getCACertificates('default')
  beforeAll(() => setDefaultCACertificates([...certificates, CERTIFICATE]))
  afterAll(() => setDefaultCACertificates(certificates))

  test.each([
    ['whose certificate is for its name', 'localhost', 'primary'],
    ['whose certificate is for another name', '127.0.0.1', 'here'],
  ])('a primary %s is the primary, or nobody', async (_name, host, expected) => {
    const server = createSecureServer({ key: KEY, cert: CERTIFICATE }, (req, res) => {
      expect(req.headers['host']).toBe(`${host}:${port}`)
      res.end('primary')
    })
    const port = await listen(server)
    await using replica = await serve(`https://${host}:${port}`, (_req, res) => res.end('here'))
    for (let index = 0; index < 3; index++) {
      expect((await replica.send('/', { method: 'POST' })).body).toBe(expected)
    }
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('what others still write to a response that was carried', () => {
  type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void

  /** As compression, mounted before us: a stream of its own between the app and Node. */
  const compression: Middleware = (_req, res, next) => {
    const { write, end } = res
    const gzip = createGzip()
    gzip.on('data', (chunk) => Reflect.apply(write, res, [chunk]))
    gzip.on('end', () => Reflect.apply(end, res, []))
    Reflect.set(res, 'write', (chunk: unknown) => gzip.write(chunk))
    Reflect.set(res, 'end', (chunk: unknown) => {
      res.setHeader('content-encoding', 'gzip')
      gzip.end(chunk)
      return res
    })
    next()
  }

  /** As a session store, mounted before us: saves in `end`, refused, and sends after that. */
  const session: Middleware = (_req, res, next) => {
    const { write, end } = res
    Reflect.set(res, 'end', (chunk: string) => {
      void tick().then(() => {
        refuse()
        Reflect.apply(write, res, [chunk.slice(0, -1)])
        Reflect.apply(end, res, [chunk.slice(-1)])
      })
      return res
    })
    next()
  }

  /** Writes and ends by Node's own methods, again and again. */
  const intruder: Middleware = (_req, res, next) => {
    const { write, end, flushHeaders } = res
    const timer = setInterval(() => {
      Reflect.apply(write, res, ['intruder'])
      Reflect.apply(end, res, [])
      Reflect.apply(end, res, ['intruder'])
      if (!res.headersSent) Reflect.apply(flushHeaders, res, [])
    }, 1)
    res.on('close', () => clearInterval(timer))
    next()
  }

  const answer = async (res: ServerResponse): Promise<void> => {
    await tick(10)
    for (const part of ['pri', 'ma']) {
      res.write(part)
      await tick(10)
    }
    res.end('ry')
  }

  const handlers: Record<string, Handler> = {
    'writeHead and end': (_req, res) => {
      refuse()
      res.writeHead(201, { 'set-cookie': 'a=b', 'content-length': 4 })
      res.end('body')
    },
    'headers that were only noted': (_req, res) => {
      res.setHeader('set-cookie', 'a=b')
      res.writeHead(201, { 'content-length': 4 })
      refuse()
      res.end('body')
    },
    'writeHead alone': (_req, res) => {
      refuse()
      res.writeHead(201)
    },
    'flushHeaders, writes and end': (_req, res) => {
      res.setHeader('transfer-encoding', 'chunked').setHeader('trailer', 'x')
      refuse()
      res.flushHeaders()
      res.write('a')
      res.end('b')
    },
    'a stream': (_req, res) => {
      refuse()
      Readable.from(Array.from({ length: 50 }, () => 'x'.repeat(10_000))).pipe(res)
    },
    'an end of known length': (_req, res) => {
      refuse()
      res.end('a longer body than what the primary answers')
    },
    'a refusal nobody caught': () => {
      throw refuse()
    },
    'writes that come later': async (_req, res) => {
      refuse()
      res.write('a')
      for (let index = 0; index < 30; index++) {
        await tick()
        res.write('late')
      }
      res.end()
    },
  }

  const stacks: ReadonlyArray<readonly [name: string, before: Middleware | undefined]> = [
    ['nothing', undefined],
    ['compression', compression],
    ['a middleware that writes by itself', intruder],
  ]

  describe.each(stacks)('with %s in front', (_name, before) => {
    test.each(Object.entries(handlers))('%s goes nowhere', async (_handler, handler) => {
      await using primary = await startPrimary(answer)
      const use = flyback(through(primary.url))
      await using server = await startServer((req, res) => {
        const run = (): void =>
          use(req, res, () => {
            try {
              void handler(req, res)
            } catch {
              res.end('failed')
            }
          })
        if (before) before(req, res, run)
        else run()
      })
      const reply = await server.send('/')
      expect(reply).toMatchObject({ status: 200, body: 'primary', aborted: false })
      expect(reply.headers['set-cookie']).toBeUndefined()
      expect(reply.headers['content-encoding']).toBeUndefined()
      expect(reply.headers['trailer']).toBeUndefined()
    })
  })

  test('a session in front whose save is refused leads to the primary’s answer', async () => {
    await using primary = await startPrimary(answer)
    const use = flyback(through(primary.url))
    await using server = await startServer((req, res) =>
      session(req, res, () => use(req, res, () => void res.end('body'))),
    )
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'primary', aborted: false })
  })

  test('the connection serves the next request, also one that was sent before the answer', async () => {
    await using primary = await startPrimary((res, req) => res.end(`<${req.url}>`))
    await using server = await serve(primary.url, (req, res) => {
      if (req.url === '/2') return void res.end('<local>')
      refuse()
      if (req.url === '/3') res.write('x')
      res.end('y')
    })
    const socket = server.socket()
    socket.write(
      ['/1', '/2', '/3', '/4']
        .map((url) => `GET ${url} HTTP/1.1\r\nhost: x\r\n\r\n`)
        .concat('POST /5 HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\nb')
        .join(''),
    )
    const answers = await text(socket)
    expect(answers.match(/<[^>]*>/g)).toEqual(['</1>', '<local>', '</3>', '</4>', '</5>'])
  })

  test('a server that is closed lets a carried answer finish', async () => {
    let finish = (): void => undefined
    await using primary = await startPrimary(async (res) => {
      res.write('pri')
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      res.end('mary')
    })
    const server = createServer(withFlyback(refused, through(primary.url)))
    const port = await listen(server)
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe('pri')
    const closed = once(server, 'close')
    server.close()
    await tick(50)
    finish()
    expect((await reader?.read())?.value).toBe('mary')
    await closed
  })
})

test.each<[string, Handler]>([
  [
    'what the app has corked is nobody’s to uncork',
    (_req, res) => {
      res.cork()
      refuse()
      res.write('x')
      res.cork()
    },
  ],
  [
    'trailers of the app are not the primary’s',
    (_req, res) => {
      res.setHeader('trailer', 'x-sum')
      refuse()
      res.write('x')
      res.addTrailers({ 'x-sum': 'of x' })
      res.end()
    },
  ],
])('%s', async (_name, handler) => {
  await using primary = await startPrimary(async (res) => {
    res.write('pri')
    await tick(10)
    res.end('mary')
  })
  await using server = await serve(primary.url, handler)
  const socket = server.socket()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  expect(await text(socket)).toMatch(/\r\n\r\n3\r\npri\r\n4\r\nmary\r\n0\r\n\r\n$/)
})

test('an error of the app while its answer is carried does not take the connection', async () => {
  await using primary = await startPrimary((res) => tick(20).then(() => res.end('primary')))
  await using server = await serve(primary.url, async (req, res) => {
    res.writeHead(200)
    refuse()
    res.write('x')
    await tick()
    if (res.headersSent) req.socket.destroy()
  })
  expect(await server.send('/')).toMatchObject({ status: 200, body: 'primary' })
})

test('rule 5: what the primary breaks off is broken off, also where an answer ends with its connection', async () => {
  await using primary = await startPrimary(async (res) => {
    await new Promise((begun) => res.write('pri', begun))
    res.destroy()
  })
  await using server = await serve(primary.url, refused)
  const socket = server.socket()
  socket.write('GET / HTTP/1.0\r\n\r\n')
  await expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a body that was read before Flyback is forwarded: nobody can send it again', async () => {
  await using primary = await startPrimary()
  const use = flyback(through(primary.url))
  await using server = await startServer(async (req, res) => {
    const body = await text(req)
    use(req, res, () => void res.end(`here ${body}`))
  })
  expect((await server.send('/', { method: 'POST', body: 'x' })).body).toBe('here x')
  expect(primary.arrived).toHaveLength(0)
})

test('a refusal that comes once the answer has begun breaks it off, and is not carried', async () => {
  await using primary = await startPrimary()
  await using server = await serve(primary.url, async (_req, res) => {
    res.write('first')
    await tick(10)
    refuse()
    res.end('last')
  })
  expect(await server.send('/')).toMatchObject({ status: 200, body: 'first', aborted: true })
  expect(primary.arrived).toHaveLength(0)
})

test('connections to the primary are used again, and closed when they were idle', async () => {
  const sockets = new Set<unknown>()
  await using primary = await startPrimary((res) => {
    sockets.add(res.socket)
    res.end()
  })
  await using server = await serve(primary.url, refused)
  for (let index = 0; index < 5; index++) await server.send('/')
  expect(sockets.size).toBe(1)
})

test('HTTP/2 in Node: carried without a body, forwarded with one', async () => {
  await using primary = await startPrimary((res) => {
    res.writeHead(201, ['set-cookie', 'a=1', 'set-cookie', 'b=2'])
    res.write('pri')
    setTimeout(() => res.end('mary'), 5)
  })
  const use = flyback(through(primary.url))
  const server = http2.createServer((req, res) => {
    // The compatibility API is a request and a response to all that Connect's middleware asks of them.
    const [own, answer] = [req, res] as unknown as [IncomingMessage, ServerResponse]
    use(own, answer, () => {
      if (req.url === '/refused') refuse()
      res.end('here')
    })
  })
  const port = await listen(server)
  const client = http2.connect(`http://127.0.0.1:${port}`)
  const send = async (path: string, method: string, body?: string): Promise<unknown[]> => {
    const stream = client.request({ ':path': path, ':method': method })
    stream.end(body)
    const [headers] = await once(stream, 'response')
    return [headers[':status'], await text(stream), headers['set-cookie']]
  }
  try {
    const carried = [201, 'primary', ['a=1', 'b=2']]
    expect(await send('/refused', 'GET')).toEqual(carried)
    expect(await send('/eager', 'DELETE')).toEqual(carried)
    expect(await send('/eager', 'POST', 'x')).toEqual([200, 'here', undefined])
    const { headers } = primary.arrived[0] ?? {}
    expect(Object.keys(headers ?? {}).filter((name) => name.startsWith(':'))).toEqual([])
    expect(headers?.['x-forwarded-host']).toEqual([`127.0.0.1:${port}`])
  } finally {
    client.close()
    await new Promise((resolve) => server.close(resolve))
  }
})
