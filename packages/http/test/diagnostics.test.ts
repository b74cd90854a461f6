import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Environment } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { freePort } from '@flyback/testkit'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { flyback as flybackForExpress } from '../src/express.js'
import { withFlyback } from '../src/fetch.js'
import { flyback as flybackForHono } from '../src/hono.js'
import { type FlybackOptions, fly, httpProxy, observe, type Policy } from '../src/index.js'
import { withFlyback as withFlybackForNode } from '../src/node.js'
import { flyback as flybackForReactRouter } from '../src/react-router.js'
import { flyback as flybackForSvelteKit } from '../src/sveltekit.js'
import { type Exchange, type Routes, refuse, scope } from './support/contract.js'
import { NO_PLATFORM, PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { hear } from './support/hear.js'
import { nodeExchange } from './support/node-exchange.js'
import { startServer, type TestServer } from './support/node-server.js'
import { startPrimary } from './support/primary-server.js'
import { createRouterApp } from './support/react-router-app.js'
import { REPLICAS } from './support/replica-apps.js'
import { createKitApp } from './support/sveltekit-app.js'

/** What differs from a GET in a replica region on Fly, for a table of cases. */
interface Given {
  readonly env?: Environment
  readonly policy?: Policy
  readonly headers?: Record<string, string>
  readonly body?: string | readonly string[]
  readonly fail?: boolean
}

const tick = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function* late(work: () => void): AsyncGenerator<string> {
  yield 'first'
  await tick(20)
  work()
  yield 'second'
}

const routes: Routes = {
  '/ok': (x) => x.reply('fine'),
  '/read': (x) => {
    scope().answered('replica')
    x.reply('fine')
  },
  '/both': (x) => {
    scope().answered('replica')
    scope().enterWriter('db', 'replica-down')
    scope().answered('primary')
    x.reply('fine')
  },
  '/write': async () => {
    await tick()
    throw refuse()
  },
  '/late': (x) => x.stream(late(refuse)),
  '/stream': (x) => x.stream(late(() => {})),
  '/body': async (x) => x.reply(String(await x.body())),
  '/endless': (x: Exchange) =>
    x.stream(
      (async function* () {
        for (;;) {
          yield 'more'
          await tick()
        }
      })(),
    ),
}

/** One app of each base, with Flyback first. */
const APPS: Record<string, (options: FlybackOptions) => RequestListener> = {
  node(options) {
    const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> =>
      await routes[(req.url ?? '').replace(/\?.*/, '')]?.(nodeExchange(req, res))
    return withFlybackForNode(handler, options)
  },
  fetch(options) {
    const handler = async (request: Request): Promise<Response> => {
      const exchange = fetchExchange(request)
      await routes[new URL(request.url).pathname]?.(exchange)
      return exchange.response()
    }
    return getRequestListener(withFlyback(handler, options))
  },
}

describe.each(Object.entries(APPS))('the events of a request: %s', (_name, app) => {
  const start = (options: FlybackOptions): Promise<TestServer> => startServer(app(options))
  const came = { 'fly-replay-src': 'instance=1;region=nrt;t=1;state=flyback.1.write' }

  test.each<[string, string, string, Given, readonly unknown[]]>([
    ['a read here', 'GET', '/read', {}, ['served', 'local', 'replica', 200]],
    ['nothing of the database', 'GET', '/ok', {}, ['served', 'local', 'none', 200]],
    ['by its method', 'POST', '/ok', {}, ['replayed', 'method', 'none', 409]],
    ['by a rule', 'GET', '/ok', { policy: 'replay' }, ['replayed', 'route', 'none', 409]],
    ['by a refusal', 'GET', '/write', {}, ['replayed', 'write', 'none', 409]],
    ['by policy', 'GET', '/ok', { policy: 'forward' }, ['forwarded', 'policy', 'none', 200]],
    [
      'by the loop guard',
      'POST',
      '/ok',
      { headers: came },
      ['forwarded', 'came-back', 'none', 200],
    ],
    ['a replica down', 'GET', '/both', {}, ['forwarded', 'replica-down', 'both', 200]],
    ['no platform', 'POST', '/ok', { env: NO_PLATFORM }, ['forwarded', 'no-platform', 'none', 200]],
    ['primary', 'POST', '/ok', { env: PRIMARY }, ['served', 'primary-region', 'none', 200]],
    [
      'refused',
      'POST',
      '/ok',
      { headers: came, fail: true },
      ['refused', 'came-back', 'none', 503],
    ],
    [
      'too large',
      'POST',
      '/ok',
      { body: 'x'.repeat(11), fail: true },
      ['refused', 'too-large', 'none', 413],
    ],
    [
      'large',
      'POST',
      '/body',
      { body: ['x'.repeat(6), 'y'.repeat(6)] },
      ['forwarded', 'too-large', 'none', 200],
    ],
  ])('%s: %s %s', async (_case, method, path, given, expected) => {
    const { env = REPLICA, policy, headers = {}, body, fail = false } = given
    using started = hear('flyback:request:start')
    using ended = hear('flyback:request:end')
    await using server = await start({
      env,
      ...(env === NO_PLATFORM ? { platform: false } : { platform: fly({ maxBodyBytes: 10 }) }),
      ...(policy && { routes: [{ path, policy }] }),
      whenNotReplayable: fail ? 'fail' : 'forward',
    })
    await server.send(`${path}?secret=1`, { method, headers, ...(body !== undefined && { body }) })
    const event = await ended.next()
    expect([event.outcome, event.reason, event.answeredBy, event.status]).toEqual(expected)
    expect(event).toMatchObject({
      method,
      path,
      region: env === PRIMARY ? 'ewr' : 'syd',
      primaryRegion: 'ewr',
      role: env === PRIMARY ? 'primary' : 'replica',
      origin: { replayed: headers === came, cached: false, failed: false },
      policyBy: policy ? 'route' : 'method',
      policy: policy ?? (method === 'GET' ? 'attempt' : 'replay'),
      completed: true,
    })
    expect(event.durationMs).toBeGreaterThan(0)
    expect(started.events).toHaveLength(1)
    expect(started.events[0], 'the same object').toBe(event)
    expect(ended.events).toHaveLength(1)
    expect(JSON.stringify(event)).not.toContain('secret')
  })

  test('a write after the headers is a broken response', async () => {
    using ended = hear('flyback:request:end')
    await using server = await start({ env: REPLICA })
    expect((await server.send('/late')).aborted).toBe(true)
    expect(await ended.next()).toMatchObject({
      outcome: 'broken',
      reason: 'write',
      status: 200,
      completed: false,
    })
  })

  test('a stream is over when its last chunk is', async () => {
    using ended = hear('flyback:request:end')
    await using server = await start({ env: REPLICA })
    await server.send('/stream')
    const { completed, durationMs, outcome } = await ended.next()
    expect([completed, outcome]).toEqual([true, 'served'])
    expect(durationMs).toBeGreaterThan(15)
  })

  test('a response whose client goes away is not completed', async () => {
    using ended = hear('flyback:request:end')
    await using server = await start({ env: REPLICA })
    const socket = server.socket()
    socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    expect(await ended.next()).toMatchObject({ outcome: 'served', status: 200, completed: false })
  })

  test('is heard in the context of the request, its end too', async () => {
    const tracing = new AsyncLocalStorage<string>()
    const contexts: unknown[] = []
    const stops = (['flyback:request:start', 'flyback:request:end'] as const).map((name) =>
      observe(name, () => void contexts.push(tracing.getStore())),
    )
    using ended = hear('flyback:request:end')
    const listener = app({ env: REPLICA })
    await using server = await startServer((req, res) =>
      tracing.run('request', () => listener(req, res)),
    )
    // Its response closes when its socket does, which belongs to no request.
    const socket = server.socket()
    socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await ended.next()
    for (const stop of stops) stop()
    expect(contexts).toEqual(['request', 'request'])
  })

  test('in the role single there are none', async () => {
    using started = hear('flyback:request:start')
    await using server = await start({ env: SINGLE })
    expect((await server.send('/ok')).body).toBe('fine')
    expect(started.events).toEqual([])
  })

  test('a scope knows its request only when somebody listens', async () => {
    const requests: unknown[] = []
    const handler = (): Response => {
      requests.push(currentScope()?.request)
      return new Response()
    }
    const serve = withFlyback(handler, { env: REPLICA })
    await serve(new Request('http://app.test/'))
    using started = hear('flyback:request:start')
    await serve(new Request('http://app.test/'))
    expect(requests).toEqual([undefined, started.events[0]])
  })
})

test('a client that goes away while its body is measured leaves an abandoned request', async () => {
  using ended = hear('flyback:request:end')
  using started = hear('flyback:request:start')
  await using server = await startServer(
    withFlybackForNode((_req, res) => void res.end(), {
      env: REPLICA,
      platform: fly({ maxBodyBytes: 1000 }),
    }),
  )
  const socket = server.socket()
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
  await started.next()
  await tick()
  socket.destroy()
  expect(await ended.next()).toMatchObject({
    outcome: 'abandoned',
    reason: 'aborted',
    status: undefined,
    completed: false,
  })
})

describe('the route of a request', () => {
  test('is the pattern Express matched, with the routers above it', async () => {
    using ended = hear('flyback:request:end')
    const app = express().use(flybackForExpress({ env: REPLICA }))
    const router = express.Router().get('/:id', (_req, res) => void res.end('fine'))
    app.use('/users', router)
    await using server = await startServer(app)
    await server.send('/users/7')
    expect(await ended.next()).toMatchObject({ path: '/users/7', route: '/users/:id' })
    await server.send('/users/7', { method: 'POST' })
    expect(await ended.next(), 'replayed before it was matched').toMatchObject({ route: undefined })
  })

  test('is the pattern Hono matched', async () => {
    using ended = hear('flyback:request:end')
    const app = new Hono().use(flybackForHono({ env: REPLICA }))
    app.get('/users/:id', (c) => c.text('fine'))
    await app.request('/users/7')
    expect(await ended.next()).toMatchObject({ path: '/users/7', route: '/users/:id' })
  })

  test('is the pattern React Router matched', async () => {
    using ended = hear('flyback:request:end')
    const app = createRouterApp({
      middleware: [flybackForReactRouter({ env: REPLICA })],
      routes: { 'users/:id': { loader: () => new Response('fine') } },
    })
    await app(new Request('http://app.test/users/7'))
    expect(await ended.next()).toMatchObject({ path: '/users/7', route: '/users/:id' })
  })

  test('is the route of SvelteKit; of a remote function none, whose page its client names', async () => {
    using ended = hear('flyback:request:end')
    const handle = flybackForSvelteKit({ env: REPLICA })
    const app = createKitApp({ handle }, () => new Response('fine'))
    await app(new Request('http://app.test/users/7'))
    expect(await ended.next()).toMatchObject({ path: '/users/7', route: '/users/[id]' })
    const headers = { 'x-sveltekit-pathname': '/users/7' }
    await app(new Request('http://app.test/_app/remote/1/f', { headers }))
    expect(await ended.next()).toMatchObject({ path: '/_app/remote/1/f', route: undefined })
  })
})

describe.each(REPLICAS)('a request carried to the primary region: %s', (_name, startReplica) => {
  const options = (url: string): FlybackOptions => ({
    env: NO_PLATFORM,
    platform: httpProxy({ url }),
  })
  const handle = async (x: Exchange, path: string): Promise<void> => {
    if (path === '/write') refuse()
    x.reply('replica')
  }

  test('is told as replayed, with the status of the answer that came back', async () => {
    using ended = hear('flyback:request:end')
    await using primary = await startPrimary()
    await using replica = await startReplica(handle, options(primary.url))
    await replica.send('/', { method: 'POST' })
    expect(await ended.next()).toMatchObject({
      outcome: 'replayed',
      reason: 'method',
      status: 200,
      completed: true,
    })
    await replica.send('/write')
    expect(await ended.next()).toMatchObject({ outcome: 'replayed', reason: 'write', status: 200 })
    await replica.send('/read')
    expect(await ended.next()).toMatchObject({ outcome: 'served', reason: 'local' })
  })

  test('that reaches nobody is told as forwarded', async () => {
    using ended = hear('flyback:request:end')
    await using replica = await startReplica(
      handle,
      options(`http://127.0.0.1:${await freePort()}`),
    )
    await replica.send('/', { method: 'POST' })
    expect(await ended.next()).toMatchObject({
      outcome: 'forwarded',
      reason: 'came-back',
      status: 200,
    })
  })
})
