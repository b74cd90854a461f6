import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { currentScope } from '@flyback/core/scope'
import { freePort } from '@flyback/testkit'
import { describe, expect, test, vi } from 'vitest'
import {
  type CarryingPlatform,
  type FlybackOptions,
  type HttpProxyOptions,
  httpProxy,
} from '../src/index.js'
import { type Exchange, refuse } from './support/contract.js'
import { NO_PLATFORM } from './support/environments.js'
import { startPrimary } from './support/primary-server.js'
import { REPLICAS, type StartReplica } from './support/replica-apps.js'

const PATIENTLY = { timeout: 4000, interval: 10 }
const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What the app of the replica region does; the primary's answers are its own. */
async function handle(x: Exchange, path: string): Promise<void> {
  const body = await x.body()
  await tick()
  if (path === '/thrown') throw new Error('orm', { cause: refuse() })
  x.cookie('from', 'replica')
  if (path === '/swallowed') refuse()
  if (path === '/streamed') {
    refuse()
    return await x.stream(
      (async function* () {
        yield 'replica'
        yield 'replica'
      })(),
    )
  }
  x.reply(`replica ${currentScope()?.state} ${body.toString()}`)
}

const attempt = [{ method: 'POST', path: '/*', policy: 'attempt' }] as const
const through = (
  { url }: { url: string },
  options: FlybackOptions = {},
  proxy: Partial<HttpProxyOptions> = {},
): FlybackOptions => ({ env: NO_PLATFORM, platform: httpProxy({ url, ...proxy }), ...options })

describe.each(REPLICAS)('a request carried to the primary region: %s', (name, startReplica) => {
  const isNode = name === 'node' || name === 'express'
  const start = (
    primary: { url: string },
    options?: FlybackOptions,
    proxy?: Partial<HttpProxyOptions>,
  ): ReturnType<StartReplica> => startReplica(handle, through(primary, options, proxy))

  test('before its handler by policy, after it when refused: the answer is the primary’s alone', async () => {
    await using primary = await startPrimary()
    await using replica = await start(primary)
    expect(await replica.send('/', { method: 'POST' })).toMatchObject({ body: 'primary' })
    for (const path of ['/thrown', '/swallowed', '/streamed']) {
      const reply = await replica.send(path)
      expect(reply).toMatchObject({ status: 200, body: 'primary', aborted: false })
      expect(reply.headers['set-cookie']).toBeUndefined()
    }
    expect((await replica.send('/read')).body).toBe('replica open ')
    const seen = primary.arrived.map(({ method, url, headers }) => [
      method,
      url,
      headers['flyback-replay-src'],
    ])
    expect(seen).toEqual([
      ['POST', '/', ['state=flyback.1.method']],
      ['GET', '/thrown', ['state=flyback.1.write']],
      ['GET', '/swallowed', ['state=flyback.1.write']],
      ['GET', '/streamed', ['state=flyback.1.write']],
    ])
  })

  const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const large = Buffer.alloc(900_000, 'ä')
  test.each([
    ['text', 'hello'],
    ['binary', binary],
    ['in chunks', [binary, binary, binary]],
    ['of nearly the limit', large],
    ['of nearly the limit, in chunks', [large.subarray(0, 1), large.subarray(1)]],
    ['of zero length', ''],
    ['in chunks, empty', []],
  ])('with a body %s, whole, also when its handler has read it', async (_name, body) => {
    await using primary = await startPrimary()
    await using replica = await start(primary, { routes: [{ path: '/thrown', policy: 'attempt' }] })
    const headers: Record<string, string> =
      Array.isArray(body) && body.length === 0 ? { 'transfer-encoding': 'chunked' } : {}
    const expected = Buffer.concat([body].flat().map((chunk) => Buffer.from(chunk)))
    for (const path of ['/eager', '/thrown']) {
      expect((await replica.send(path, { method: 'PUT', body, headers })).body).toBe('primary')
    }
    expect(primary.arrived).toHaveLength(2)
    for (const arrived of primary.arrived) {
      expect(arrived.body.equals(expected)).toBe(true)
      expect(arrived.headers['content-length']).toEqual([String(expected.length)])
      expect(arrived.headers['transfer-encoding']).toBeUndefined()
    }
  })

  test.each([
    '/a%20b/%C3%A9%2F%2e/?q=%zz&a=b&a=c%26',
    '/trailing/',
    '/trailing/?',
    '//evil.test/a',
    '///',
    '/http://evil.test/',
    '/?next=http://evil.test/%23x',
    '/@evil.test:80/',
  ])('rule 20: at the path %s, as the client sent it', async (path) => {
    await using primary = await startPrimary()
    await using replica = await start(primary)
    expect((await replica.send(path, { method: 'POST' })).body).toBe('primary')
    expect(primary.arrived.map(({ url }) => url)).toEqual([path])
  })

  test('with its own headers, and without those of the connection', async () => {
    await using primary = await startPrimary()
    await using replica = await start(primary)
    await replica.send('/', {
      method: 'POST',
      body: [Buffer.from('x')],
      headers: {
        cookie: 'a=1; b=2',
        authorization: 'Bearer t',
        accept: ['text/html', 'text/plain'],
        'x-own': '1',
        te: 'trailers',
        'x-secret': 'hop',
        connection: 'close, X-Secret, flyback-replay-src',
        'proxy-authorization': 'Basic x',
        'keep-alive': 'timeout=5',
        expect: '100-continue',
        'flyback-replay-src': 'state=evil\tx',
        host: 'shop.test',
      },
    })
    const { headers } = primary.arrived[0] ?? {}
    const { 'x-forwarded-for': peers, ...rest } = headers ?? {}
    expect(rest).toEqual({
      accept: ['text/html, text/plain'],
      authorization: ['Bearer t'],
      connection: ['keep-alive'],
      'content-length': ['1'],
      cookie: ['a=1; b=2'],
      'flyback-replay-src': ['state=flyback.1.method'],
      host: [new URL(primary.url).host],
      'x-forwarded-host': ['shop.test'],
      'x-forwarded-proto': ['http'],
      'x-own': ['1'],
    })
    // The web's Request does not know who sent it.
    expect(peers).toEqual(isNode ? ['127.0.0.1'] : undefined)
  })

  test('keeps what a proxy in front has said of the client', async () => {
    await using primary = await startPrimary()
    await using replica = await start(primary)
    const headers = {
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'public.test',
      'x-forwarded-proto': 'https',
      'x-own': 'é',
    }
    await replica.send('/', { method: 'POST', headers })
    const seen = primary.arrived[0]?.headers
    expect(seen?.['x-forwarded-host']).toEqual(['public.test'])
    expect(seen?.['x-forwarded-proto']).toEqual(['https'])
    expect(seen?.['x-own']).toEqual(['é'])
    expect(seen?.['x-forwarded-for']?.[0]).toMatch(/^203\.0\.113\.7(, 127\.0\.0\.1)?$/)
  })

  test('rule 2: one that was carried before is forwarded, also when two regions disagree', async () => {
    await using second = await start({ url: `http://127.0.0.1:${await freePort()}` })
    await using first = await start({ url: `http://127.0.0.1:${second.port}` })
    expect((await first.send('/', { method: 'POST', body: 'b' })).body).toBe('replica forwarding b')
    const headers = { 'flyback-replay-src': 'state=flyback.1.write' }
    expect((await first.send('/read', { headers })).body).toBe('replica forwarding ')
  })

  test('an answer passes with its status, its headers, and its body as it is encoded', async () => {
    const zipped = gzipSync('hello')
    await using primary = await startPrimary((res) => {
      res.writeHead(201, 'Made', {
        'set-cookie': ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'],
        'content-type': 'text/html',
        'content-encoding': 'gzip',
        'content-length': zipped.length,
        'cache-control': 'public, max-age=60',
        'x-own': 'é',
        'x-hop': '1',
        connection: 'keep-alive, x-hop',
        'keep-alive': 'timeout=5',
      })
      res.end(zipped)
    })
    await using replica = await start(primary)
    const { headers, ...reply } = await replica.send('/', { method: 'POST' })
    expect(reply).toMatchObject({ status: 201, aborted: false })
    // The server of `fetch` has its own words for a status, and flushes headers as if they were UTF-8.
    if (isNode) expect(reply.statusText).toBe('Made')
    const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...rest } = headers
    expect(rest).toEqual({
      'set-cookie': ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'],
      'content-type': 'text/html',
      'content-encoding': 'gzip',
      'content-length': String(zipped.length),
      'cache-control': 'public, max-age=60',
      'x-own': isNode ? 'é' : 'Ã©',
    })
    expect(Buffer.byteLength(reply.body)).toBeGreaterThan(0)
  })

  test.each([204, 205, 302, 304, 404, 500])('status %i passes', async (status) => {
    await using primary = await startPrimary((res) => {
      res.writeHead(status, { location: 'http://evil.test/', 'x-own': '1' }).end()
    })
    await using replica = await start(primary)
    const reply = await replica.send('/thrown')
    expect(reply).toMatchObject({ status, body: '', aborted: false })
    expect(reply.headers).toMatchObject({ location: 'http://evil.test/', 'x-own': '1' })
    expect(primary.arrived).toHaveLength(1)
  })

  test('HEAD keeps the length of what it does not send', async () => {
    await using primary = await startPrimary((res) => {
      res.writeHead(200, { 'content-length': 5 }).end()
    })
    await using replica = await start(primary)
    const reply = await replica.send('/thrown', { method: 'HEAD' })
    expect(reply).toMatchObject({ status: 200, body: '', aborted: false })
    expect(reply.headers['content-length']).toBe('5')
  })

  test('an answer streams: each part arrives before the next is made', async () => {
    let next: (() => void) | undefined
    await using primary = await startPrimary(async (res) => {
      res.flushHeaders()
      for (const part of ['a', 'b', 'c']) {
        await new Promise<void>((resolve) => {
          next = resolve
        })
        res.write(part)
      }
      res.end()
    })
    await using replica = await start(primary)
    const response = await fetch(`http://127.0.0.1:${replica.port}/thrown`)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    const parts: unknown[] = []
    for (let part = 0; part < 3; part++) {
      await vi.waitFor(() => expect(next).toBeTypeOf('function'), PATIENTLY)
      next?.()
      next = undefined
      parts.push((await reader?.read())?.value)
    }
    expect([...parts, (await reader?.read())?.done]).toEqual(['a', 'b', 'c', true])
  })

  test('an answer is read no faster than the client reads it', async () => {
    let written = 0
    const chunk = Buffer.alloc(100_000)
    await using primary = await startPrimary((res) => {
      const source = Readable.from(
        (function* () {
          for (; written < 300; written++) yield chunk
        })(),
      )
      source.pipe(res)
    })
    await using replica = await start(primary)
    const socket = replica.socket()
    socket.pause().write('GET /thrown HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    let before = -1
    // What the buffers of both connections hold has filled up once nothing more is written.
    await vi.waitFor(
      () => {
        const same = before === written && written > 0
        before = written
        expect(same).toBe(true)
      },
      { timeout: 5000, interval: 200 },
    )
    expect(written).toBeLessThan(290)
    const answer = await text(socket.resume())
    expect(answer.length).toBeGreaterThan(300 * chunk.length)
  })

  test.each([
    ['of known length', { 'content-length': '10' }],
    ['in chunks', {}],
  ])('rule 5: an answer %s that breaks off there breaks off here', async (_name, headers) => {
    await using primary = await startPrimary(async (res) => {
      res.writeHead(200, headers).write('first')
      await tick(20)
      res.destroy()
    })
    await using replica = await start(primary)
    const reply = await replica.send('/thrown')
    expect(reply).toMatchObject({ status: 200, body: 'first', aborted: true })
  })

  test.each(['before its headers', 'in its body'])(
    'a client that goes away %s ends the request there',
    async (when) => {
      let gone = false
      await using primary = await startPrimary((res) => {
        res.on('close', () => {
          gone = !res.writableFinished
        })
        if (when === 'in its body') res.write('first')
      })
      await using replica = await start(primary)
      const socket = replica.socket()
      socket.write('GET /thrown HTTP/1.1\r\nhost: x\r\n\r\n')
      if (when === 'in its body') await once(socket, 'data')
      await vi.waitFor(() => expect(primary.arrived).toHaveLength(1), PATIENTLY)
      socket.destroy()
      await vi.waitFor(() => expect(gone).toBe(true), PATIENTLY)
    },
  )

  test('rule 2: a primary that cannot be reached has received nothing: the request is served here, whole', async () => {
    await using replica = await start({ url: `http://127.0.0.1:${await freePort()}` })
    for (const body of ['hello', ['hel', 'lo']]) {
      const reply = await replica.send('/', { method: 'POST', body })
      expect(reply.body).toBe('replica forwarding hello')
    }
    const reply = await replica.send('/thrown')
    expect(reply.status).toBe(503)
    expect(reply.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' })
  })

  test('a primary that cannot be reached leads to 503 by option', async () => {
    const nowhere = { url: `http://127.0.0.1:${await freePort()}` }
    await using replica = await start(nowhere, { whenNotReplayable: 'fail' })
    expect((await replica.send('/', { method: 'POST' })).status).toBe(503)
  })

  test('rule 2: a request that the primary may have received is never sent again', async () => {
    let connections = 0
    await using primary = await startSockets((socket) => {
      connections += 1
      socket.once('data', () => socket.destroy())
    })
    await using replica = await start(primary, { routes: attempt })
    for (const path of ['/thrown', '/swallowed']) {
      const reply = await replica.send(path, { method: 'POST', body: 'x' })
      expect(reply.status).toBe(502)
      expect(reply.headers['cache-control']).toBe('no-store')
    }
    expect(connections).toBe(2)
  })

  test('rule 19: a platform that fails leads to 502, and its operator is told, in one word', async () => {
    const warned: string[] = []
    const listen = ({ message }: Error): void => void warned.push(message)
    process.on('warning', listen)
    const platform: CarryingPlatform = {
      ...httpProxy({ url: 'http://127.0.0.1:9' }),
      carry: () => Promise.reject(new RangeError(`hunter2 of ${name}`)),
    }
    await using replica = await startReplica(handle, { env: NO_PLATFORM, platform })
    const reply = await replica.send('/', { method: 'POST' })
    expect(reply.status).toBe(502)
    await tick(5)
    process.off('warning', listen)
    expect(JSON.stringify([reply, warned])).not.toContain('hunter2')
    // Each is told once in a process.
    if (name === 'node') expect(warned).toEqual([expect.stringContaining('(RangeError)')])
  })

  test('an answer that is no HTTP leads to 502', async () => {
    await using primary = await startSockets((socket) => {
      socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n'))
    })
    await using replica = await start(primary)
    expect((await replica.send('/', { method: 'POST' })).status).toBe(502)
  })

  test('a connection has to open in time, an answer only if asked to', async () => {
    // A handshake belongs to opening: nothing of a request is sent before it.
    await using silent = await startSockets(() => undefined)
    const secure = { url: silent.url.replace('http:', 'https:') }
    await using unopened = await start(secure, {}, { connectTimeoutMs: 50 })
    expect((await unopened.send('/', { method: 'POST', body: 'b' })).body).toBe(
      'replica forwarding b',
    )
    await using late = await start(silent, {}, { timeoutMs: 100 })
    expect((await late.send('/', { method: 'POST' })).status).toBe(502)
    await using primary = await startPrimary(async (res) => {
      await tick(700)
      res.end('slow')
    })
    await using patient = await start(primary, {}, { connectTimeoutMs: 500 })
    expect((await patient.send('/', { method: 'POST' })).body).toBe('slow')
  })

  test('a certificate that nobody vouches for is no connection', async () => {
    await using plain = await startPrimary()
    await using replica = await start({ url: plain.url.replace('http:', 'https:') })
    expect((await replica.send('/', { method: 'POST' })).body).toBe('replica forwarding ')
    expect(plain.arrived).toHaveLength(0)
  })

  test.each([
    ['of known length', 'x'.repeat(1001)],
    ['in chunks', ['x'.repeat(1000), 'x']],
  ])('a body %s over the limit is forwarded whole, or refused by option', async (_name, body) => {
    await using primary = await startPrimary()
    await using replica = await start(primary, {}, { maxBodyBytes: 1000 })
    const reply = await replica.send('/', { method: 'POST', body })
    expect(reply.body).toBe(`replica forwarding ${'x'.repeat(1001)}`)
    await using strict = await start(primary, { whenNotReplayable: 'fail' }, { maxBodyBytes: 1000 })
    expect((await strict.send('/', { method: 'POST', body })).status).toBe(413)
    expect(primary.arrived).toHaveLength(0)
  })

  test('rule 15: fifty requests at once get each its own answer, over connections of no scope', async () => {
    await using primary = await startPrimary(async (res, req) => {
      await tick(Math.random() * 20)
      res.end(req.url)
    })
    await using replica = await start(primary)
    const paths = Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0 ? `/thrown?${index}` : `/eager?${index}`,
    )
    const replies = await Promise.all(
      paths.map((path) =>
        replica.send(path, { method: path.startsWith('/eager') ? 'POST' : 'GET' }),
      ),
    )
    expect(replies.map(({ body }) => body)).toEqual(paths)
  })

  test('a platform of one’s own carries, outside any scope', async () => {
    const seen: unknown[] = []
    const platform: CarryingPlatform = {
      name: 'own',
      async carry({ method, target }, order) {
        seen.push(method, target, order, currentScope())
        return new Response('carried', { headers: { 'x-own': '1' } })
      },
      readOrigin: () => ({ replayed: false, cached: false, failed: false }),
      limits: { maxBodyBytes: 100 },
    }
    await using replica = await startReplica(handle, { env: NO_PLATFORM, platform })
    const reply = await replica.send('/thrown')
    expect(reply).toMatchObject({ status: 200, body: 'carried' })
    expect(reply.headers['x-own']).toBe('1')
    expect(seen).toEqual(['GET', '/thrown', { region: 'ewr', reason: 'write' }, undefined])
  })
})

/** A server of bare sockets. */
async function startSockets(
  connected: (socket: Socket) => void,
): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    connected(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
