import { setTimeout as sleep } from 'node:timers/promises'
import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { toNodeHandler } from 'h3'
import { eventHandler } from 'h3-v1'
import { describe, expect, test } from 'vitest'
import { type FlybackOptions, flyback } from '../src/nitro.js'
import { describeBase, REPLAY, type Routes, refuse, scope } from './support/contract.js'
import { REPLICA, SINGLE } from './support/environments.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { createNitro2, createNitro3, type Nitro2, type Nitro3 } from './support/nitro-apps.js'
import { nodeExchange } from './support/node-exchange.js'
import { startServer, type TestServer } from './support/node-server.js'

const replica = { env: REPLICA }
const lost = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
const tick = (): Promise<void> => sleep(1)

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function defer<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return {
    promise,
    resolve: (value) => settle?.resolve(value),
    reject: (error) => settle?.reject(error),
  }
}

describeBase('nitro 2', (routes, options) => {
  const app = createNitro2()
  app.h3App.use(
    eventHandler(async ({ path, node: { req, res } }) => {
      const route = routes[path.replace(/\?.*/, '')]
      if (route === undefined) return
      await route(nodeExchange(req, res))
    }),
  )
  if (options) flyback(options)(app)
  return startServer(app.listener)
})

/** As `srvx` hands requests to Nitro 3. */
const serve = (app: Nitro3): Promise<TestServer> => {
  // Read when the server starts, after the plugins.
  const { fetch } = app
  return startServer(toNodeHandler({ fetch } as Parameters<typeof toNodeHandler>[0]))
}

function withRoutes(app: Nitro3, routes: Routes): Nitro3 {
  for (const [path, route] of Object.entries(routes)) {
    app.router.all(path, async (event) => {
      const exchange = fetchExchange(event.req)
      await route(exchange)
      return exchange.response()
    })
  }
  return app
}

describe.each(['_h3', 'h3', 'none'] as const)('with its router as %s', (name) => {
  describeBase('nitro 3', (routes, options) => {
    const app = withRoutes(createNitro3(name), routes)
    if (options) flyback(options)(app)
    return serve(app)
  })
})

test('an app that is neither is refused when the server starts', () => {
  const plugin: (app: never) => void = flyback()
  expect(() => Reflect.apply(plugin, undefined, [{ hooks: {} }])).toThrow('no app of Nitro 2 or 3')
})

test('a bad option is told when the server starts', () => {
  const bad = flyback({ policy: 'never' } as unknown as FlybackOptions)
  expect(() => bad(createNitro2())).toThrow('policy')
  expect(() => bad(createNitro3())).toThrow('policy')
})

describe('nitro 2', () => {
  function create(handler: (app: Nitro2, path: string) => unknown, options = replica): Nitro2 {
    const app = createNitro2()
    app.h3App.use(eventHandler((event) => handler(app, event.path)))
    flyback(options)(app)
    return app
  }

  test.each([
    ['in sight of its scope', refuse],
    ['where the async context was lost', () => lost],
  ])(
    'a refusal %s is told to no error hook, and rendered by no error page',
    async (_name, error) => {
      const app = create(async () => {
        await tick()
        throw new Error('orm', { cause: error() })
      })
      await using server = await startServer(app.listener)
      expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
      expect(app.errors).toEqual([])
    },
  )

  test('any other error goes where it went', async () => {
    const app = create(async () => {
      await tick()
      throw new Error('mine')
    })
    await using server = await startServer(app.listener)
    expect(await server.send('/')).toMatchObject({ status: 500, body: 'failed' })
    expect(app.errors).toMatchObject([{ message: 'mine' }])
  })

  test('an error after the client has gone is still told', async () => {
    const gone = defer<void>()
    const begun = defer<void>()
    const app = create(async () => {
      begun.resolve()
      await gone.promise
      throw new Error('late')
    })
    await using server = await startServer(app.listener)
    const socket = server.socket()
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await begun.promise
    socket.destroy()
    await sleep(20)
    gone.resolve()
    await expect.poll(() => app.errors).toMatchObject([{ message: 'late' }])
  })

  test('a request of the app to itself is part of the one that makes it', async () => {
    const seen: unknown[] = []
    const app = create(async (self, path) => {
      if (path === '/inner') {
        seen.push(scope())
        throw refuse()
      }
      seen.push(scope())
      seen.push(await self.fetch('/inner'))
      return 'rendered without it'
    })
    await using server = await startServer(app.listener)
    expect(await server.send('/')).toMatchObject({
      status: 409,
      body: '',
      headers: { 'fly-replay': REPLAY },
    })
    expect(seen[1]).toBe(seen[0])
    expect(seen[2]).toBe(409)
    expect(app.errors).toEqual([])
  })

  test('rule 2: a request to itself after the response is answered with no replay', async () => {
    const later = defer<number>()
    const app = create(async (self, path) => {
      if (path === '/inner') throw refuse()
      sleep(30)
        .then(() => self.fetch('/inner'))
        .then(later.resolve, later.reject)
      return 'fine'
    })
    await using server = await startServer(app.listener)
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'fine' })
    expect(await later.promise).toBe(500)
    expect(app.errors).toMatchObject([{ cause: { replayable: false } }])
  })

  const inState = (enter: (own: ReturnType<typeof scope>) => void) => (): void => {
    enter(scope())
    refuse()
  }
  test.each([
    ['refused fails, for no cache to keep it', true, refuse],
    ['refused in the background fails, too', true, inState((own) => own.seal())],
    [
      'refused while it forwards is what the app made of it',
      false,
      inState((own) => own.enterWriter('db')),
    ],
    ['not refused renders', false, () => undefined],
  ])('a page whose scope is %s', async (_name, fails, act) => {
    let failed: unknown
    const app = create((self) => {
      act()
      try {
        self.render()
      } catch (error) {
        failed = error
      }
      return 'page'
    })
    await using server = await startServer(app.listener)
    await server.send('/')
    expect(failed instanceof ReplayRequired).toBe(fails)
  })

  test('rule 21: without region variables nothing has a scope, and pages render', async () => {
    const app = create(
      (self) => {
        self.render()
        return currentScope()?.state ?? 'none'
      },
      { env: SINGLE },
    )
    await using server = await startServer(app.listener)
    expect((await server.send('/', { method: 'POST' })).body).toBe('none')
  })
})

describe('nitro 3', () => {
  function create(handler: (app: Nitro3, path: string) => unknown, options = replica): Nitro3 {
    const app = createNitro3()
    app.router.all('/**', (event) => handler(app, event.url.pathname))
    flyback(options)(app)
    return app
  }

  test.each([
    ['thrown', () => Promise.reject(refuse())],
    ['returned', () => refuse()],
    [
      'thrown where the async context was lost',
      () => Promise.reject(new Error('x', { cause: lost })),
    ],
  ])('a refusal that is %s is told to no error hook', async (_name, handler) => {
    const app = create(handler)
    await using server = await serve(app)
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
    expect(app.errors).toEqual([])
  })

  test.each([
    ['thrown', () => Promise.reject(new Error('mine'))],
    ['returned', () => new Error('mine')],
  ])('any other error that is %s goes where it went', async (_name, handler) => {
    const app = create(handler)
    await using server = await serve(app)
    expect(await server.send('/')).toMatchObject({ status: 500, body: 'failed' })
    expect(app.errors).toMatchObject([{ message: 'mine' }])
  })

  test('what is complete is sent with its length', async () => {
    const app = create(() => ({ a: 1 }))
    await using server = await serve(app)
    expect((await server.send('/')).headers).toMatchObject({ 'content-length': '7' })
  })

  test('a request of the app to itself is part of the one that makes it', async () => {
    const seen: unknown[] = []
    const app = create(async (self, path) => {
      seen.push(scope())
      if (path === '/inner') throw refuse()
      const inner = await self.fetch('/inner')
      seen.push([inner.status, inner.headers.get('fly-replay')])
      return 'rendered without it'
    })
    await using server = await serve(app)
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
    expect(seen[1]).toBe(seen[0])
    expect(seen[2]).toEqual([409, null])
  })

  test.each([
    ['a path', '/inner'],
    ['a request', new Request('http://app/inner')],
  ])(
    'rule 2: %s asked of itself after the response is answered with no replay',
    async (_name, input) => {
      const later = defer<Response>()
      const app = create(async (self, path) => {
        if (path === '/inner') throw refuse()
        sleep(30)
          .then(() => self.fetch(input))
          .then(later.resolve, later.reject)
        return 'fine'
      })
      await using server = await serve(app)
      expect(await server.send('/')).toMatchObject({ status: 200, body: 'fine' })
      expect((await later.promise).status).toBe(500)
      expect(app.errors).toMatchObject([{ cause: { replayable: false } }])
    },
  )

  test('a request without a runtime is served: some presets hand on what they get', async () => {
    const app = create(() => Promise.reject(refuse()))
    const response = await app.fetch(new Request('http://app/'))
    expect(response.headers.get('fly-replay')).toBe(REPLAY)
  })
})
