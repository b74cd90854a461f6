import { Readable } from 'node:stream'
import { currentScope } from '@flyback/core/scope'
import {
  defineWebSocketHandler,
  fromNodeHandler,
  H3,
  type H3Config,
  type H3Event,
  HTTPError,
  HTTPResponse,
  iterable,
  onError,
  toNodeHandler,
  toWebHandler,
  withBase,
} from 'h3'
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { flyback } from '../src/h3.js'
import { withFlyback } from '../src/node.js'
import { describeBase, REPLAY, refuse } from './support/contract.js'
import { PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { startServer } from './support/node-server.js'

describeBase('h3', (routes, options) => {
  const app = new H3({ onError: () => new Response('failed', { status: 500 }), silent: true })
  if (options) app.use(flyback(options))
  for (const [path, route] of Object.entries(routes)) {
    app.all(path, async (event) => {
      const exchange = fetchExchange(event.req)
      await route(exchange)
      return exchange.response()
    })
  }
  return startServer(toNodeHandler(app))
})

let logged: MockInstance
beforeEach(() => {
  logged = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => logged.mockRestore())

const create = (config?: H3Config): H3 => new H3(config).use(flyback({ env: REPLICA }))
const ask = (app: H3, path = '/'): Promise<Response> =>
  toWebHandler(app)(new Request(`http://app.test${path}`))
const replayOf = async (app: H3, path?: string): Promise<string | null> =>
  (await ask(app, path)).headers.get('fly-replay')

describe('a replay', () => {
  test('carries no header, cookie or status that was prepared for the response', async () => {
    const app = create()
    const prepare = ({ res }: H3Event): void => {
      res.status = 201
      for (const headers of [res.headers, res.errHeaders]) {
        headers.append('set-cookie', 'session=secret')
        headers.append('set-cookie', 'other=secret')
        headers.set('x-mine', 'secret')
        headers.set('etag', 'secret')
      }
    }
    app.get('/thrown', (event) => {
      prepare(event)
      throw refuse()
    })
    app.get('/swallowed', (event) => {
      prepare(event)
      refuse()
      return 'all is well'
    })
    for (const path of ['/thrown', '/swallowed']) {
      const response = await ask(app, path)
      expect(response.status).toBe(409)
      expect(Object.fromEntries(response.headers)).toEqual({
        'fly-replay': REPLAY,
        'cache-control': 'no-store',
        'content-length': '0',
      })
    }
  })

  test("is no error: nothing is logged, and the app's onError is not called", async () => {
    const heard = vi.fn<() => void>()
    const app = create({ onError: heard })
    app.get('/thrown', () => {
      throw refuse()
    })
    app.get('/wrapped', () => {
      throw new HTTPError({ status: 502, cause: refuse() })
    })
    app.get('/returned', () => new Error('orm', { cause: refuse() }))
    for (const path of ['/thrown', '/wrapped', '/returned']) {
      expect(await replayOf(app, path), path).toBe(REPLAY)
    }
    expect(heard).not.toHaveBeenCalled()
    expect(logged).not.toHaveBeenCalled()
  })

  test("goes past an error handler of the route's own", async () => {
    const app = create()
    app.get(
      '/',
      () => {
        throw refuse()
      },
      { middleware: [onError(() => 'handled')] },
    )
    expect(await replayOf(app)).toBe(REPLAY)
  })

  test('comes of a refusal in a mounted app, in a mounted handler and below a base', async () => {
    const app = create()
    const inner = new H3({ silent: true }).get('/thrown', () => {
      throw refuse()
    })
    app.mount('/app', inner)
    app.mount('/fetch', (request: Request) => inner.fetch(request))
    app.get('/base/**', withBase('/base', inner))
    for (const path of ['/app/thrown', '/fetch/thrown', '/base/thrown']) {
      expect(await replayOf(app, path), path).toBe(REPLAY)
    }
  })

  test("comes of a refusal that one of Node's handlers throws", async () => {
    const app = create()
    app.get(
      '/',
      fromNodeHandler(() => {
        throw refuse()
      }),
    )
    await using server = await startServer(toNodeHandler(app))
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
  })
})

describe("a handler of Node's that sends its answer itself", () => {
  const swallows = fromNodeHandler((_req, res) => {
    refuse()
    res.end('all is well')
  })

  test('is not taken back when it swallowed a refusal: h3 never sees its response', async () => {
    await using server = await startServer(toNodeHandler(create().get('/', swallows)))
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'all is well' })
  })

  test("is replayed all the same below withFlyback of Node's", async () => {
    const listener = withFlyback(toNodeHandler(new H3().get('/', swallows)), { env: REPLICA })
    await using server = await startServer(listener)
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
  })
})

describe('what is no refusal', () => {
  test.each([
    ['thrown', () => Promise.reject(new Error('mine'))],
    ['returned', () => new Error('mine')],
    [
      'an HTTPError',
      () => {
        throw new HTTPError({ status: 418, message: 'mine' })
      },
    ],
  ])('an error that is %s reaches onError once, as without Flyback', async (_name, handler) => {
    const seen: unknown[] = []
    const config = { onError: (error: HTTPError) => void seen.push([error.status, error.message]) }
    const plain = await ask(new H3(config).get('/', handler))
    const own = await ask(create(config).get('/', handler))
    expect([own.status, await own.text()]).toEqual([plain.status, await plain.text()])
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
  })

  const values: [string, (event: H3Event) => unknown][] = [
    ['an object', () => ({ a: [1, 'ä'] })],
    ['text', () => 'text'],
    ['bytes', () => new Uint8Array([1, 2, 3])],
    ['null', () => null],
    ['nothing', () => undefined],
    ['a blob', () => new Blob(['blob'], { type: 'text/x' })],
    ['a web stream', () => new Response('stream').body],
    ['an iterable', () => iterable(['a', 'b'])],
    ["one of Node's streams", () => Readable.from(['a', 'b'])],
    ['a Response', () => new Response('own', { status: 202, headers: { 'x-own': '1' } })],
    [
      'an HTTPResponse',
      () => new HTTPResponse(new Response('x').body, { status: 203, headers: { 'x-own': '1' } }),
    ],
    ['what is no JSON', () => ({ n: 1n })],
  ]
  test.each(values)('%s becomes the response it is without Flyback', async (_name, value) => {
    const describeResponse = async (config: H3Config, env?: typeof REPLICA): Promise<unknown> => {
      const app = new H3({ ...config, onResponse: ({ headers }) => headers.append('x-seen', '1') })
      if (env) app.use(flyback({ env }))
      app.get('/', (event) => {
        event.res.status = 201
        event.res.headers.append('set-cookie', 'a=1')
        event.res.headers.append('set-cookie', 'b=2')
        return value(event)
      })
      await using server = await startServer(toNodeHandler(app))
      const { headers, ...reply } = await server.send('/')
      return { ...reply, headers: { ...headers, date: undefined } }
    }
    for (const config of [{}, { debug: true, onError: () => 'of the app' }]) {
      const plain = await describeResponse(config)
      for (const env of [REPLICA, PRIMARY, SINGLE]) {
        expect(await describeResponse(config, env)).toEqual(plain)
      }
    }
  })

  test('an upgrade is told with its hooks', async () => {
    const hooks = { message: () => undefined }
    const app = create()
    app.get('/ws', defineWebSocketHandler(hooks))
    const response = await ask(app, '/ws')
    expect(Reflect.get(response, 'crossws')).toBe(hooks)
  })

  test('rule 21: without region variables a middleware before Flyback gets what the handler returned', async () => {
    const seen: unknown[] = []
    const value = { a: 1 }
    const app = new H3()
    app.use(async (_event, next) => {
      const returned = await next()
      seen.push(returned)
      return returned
    })
    app.use(flyback({ env: SINGLE }))
    app.get('/', () => value)
    await ask(app)
    expect(seen[0]).toBe(value)
  })
})

test('rule 5: a stream that is refused after its headers breaks off, in every form', async () => {
  async function* late(): AsyncGenerator<string> {
    yield 'first'
    await new Promise((resolve) => setTimeout(resolve, 20))
    refuse()
    yield 'second'
  }
  const app = create()
  app.get('/iterable', () => iterable(late()))
  app.get('/node', () => Readable.from(late()))
  app.get('/response', async () => new Response((await iterable(late())).body))
  await using server = await startServer(toNodeHandler(app))
  for (const path of ['/iterable', '/node', '/response']) {
    expect(await server.send(path), path).toMatchObject({ body: 'first', aborted: true })
  }
})

test('match gets the event', async () => {
  const app = new H3()
  const match = (event: H3Event): boolean => event.url.searchParams.has('stay')
  app.use(flyback({ env: REPLICA, routes: [{ match, policy: 'forward' }] }))
  app.all('/', () => currentScope()?.state)
  expect(await (await ask(app, '/?stay')).text()).toBe('forwarding')
  expect(await (await ask(app, '/')).text()).toBe('open')
})

test('in a mounted app it serves that part alone, whose rules name the whole path', async () => {
  const state = (): unknown => currentScope()?.state ?? 'none'
  const part = new H3()
  part.use(flyback({ env: REPLICA, routes: [{ path: '/part/in', policy: 'forward' }] }))
  part.get('/in', state)
  const app = new H3().get('/out', state).mount('/part', part)
  expect(await (await ask(app, '/part/in')).text()).toBe('forwarding')
  expect(await (await ask(app, '/out')).text()).toBe('none')
})
