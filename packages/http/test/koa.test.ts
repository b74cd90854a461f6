import { PassThrough, Readable } from 'node:stream'
import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import Koa, { type Context, type Middleware } from 'koa'
import { describe, expect, test } from 'vitest'
import { type FlybackOptions, flyback } from '../src/koa.js'
import { REPLAY, refuse } from './support/contract.js'
import { PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { startServer, type TestServer } from './support/node-server.js'

interface App extends TestServer {
  /** What the app got as `error` events. */
  readonly errors: unknown[]
}

/** An app with `before` in front of Flyback, and the handler behind it. */
async function serve(
  handler: Middleware,
  options: FlybackOptions<Context> = {},
  before: readonly Middleware[] = [],
): Promise<App> {
  const app = new Koa()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  for (const middleware of before) app.use(middleware)
  app.use(flyback({ env: REPLICA, ...options }))
  app.use(handler)
  const server = await startServer(app.callback())
  return { ...server, errors }
}

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const failing = (error: () => Error): Readable =>
  new Readable({
    read() {
      this.destroy(error())
    },
  })

describe('a refusal', () => {
  test.each<[how: string, handler: Middleware]>([
    ['thrown', () => Promise.reject(refuse())],
    ['wrapped', () => Promise.reject(new Error('orm', { cause: refuse() }))],
    [
      'lost',
      () =>
        Promise.reject(new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })),
    ],
    [
      'swallowed',
      (ctx) => {
        refuse()
        ctx.body = { fine: true }
      },
    ],
    [
      'an answer of 304',
      (ctx) => {
        refuse()
        ctx.status = 304
      },
    ],
    [
      'swallowed, with a stream as body',
      (ctx) => {
        refuse()
        ctx.body = Readable.from(['a', 'b'])
      },
    ],
    [
      'that of the first read of a body',
      (ctx) => {
        ctx.body = failing(refuse)
      },
    ],
    [
      'swallowed, with a body that Koa does not send',
      (ctx) => {
        ctx.respond = false
        refuse()
        setTimeout(() => ctx.res.end('sent'))
      },
    ],
  ])('is replayed, and no error to the app: %s', async (_how, handler) => {
    await using server = await serve(handler)
    const { status, headers, body } = await server.send('/')
    expect([status, headers['fly-replay'], body]).toEqual([409, REPLAY, ''])
    await tick(10)
    expect(server.errors).toEqual([])
  })

  test('that an error handler of the app made a response of is replayed', async () => {
    const app = new Koa()
    app.use(flyback({ env: REPLICA }))
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch {
        ctx.status = 500
        ctx.cookies.set('a', 'b')
        ctx.body = 'sorry'
      }
    })
    app.use(() => Promise.reject(refuse()))
    await using server = await startServer(app.callback())
    const { status, headers, body } = await server.send('/')
    expect([status, headers['set-cookie'], body]).toEqual([409, undefined, ''])
  })

  test('does not reach what was used before, which goes on when the answer is out', async () => {
    const seen: unknown[] = []
    const before: Middleware = async (ctx, next) => {
      try {
        await next()
        seen.push([ctx.method, ctx.status, ctx.res.writableEnded])
        ctx.body = 'late'
      } catch (error) {
        seen.push(error)
      }
    }
    await using server = await serve(() => Promise.reject(refuse()), {}, [before])
    for (const method of ['GET', 'POST']) {
      const reply = await server.send('/', { method })
      expect([reply.status, reply.body]).toEqual([409, ''])
    }
    expect(seen).toEqual([
      ['GET', 409, true],
      ['POST', 409, true],
    ])
  })

  test.each([
    ['its first read', [], { status: 409, body: '', aborted: false }],
    ['a later one', ['begun'], { status: 200, body: 'begun', aborted: true }],
  ])(
    'in a body that koa-compress in front pipes on is settled: in %s',
    async (_when, chunks, reply) => {
      const compress: Middleware = async (ctx, next) => {
        await next()
        const source = ctx.body
        if (source instanceof Readable) ctx.body = source.pipe(new PassThrough())
      }
      await using server = await serve(
        (ctx) => {
          ctx.body = Readable.from(
            (async function* () {
              yield* chunks
              await tick(20)
              throw refuse()
            })(),
          )
        },
        {},
        [compress],
      )
      expect(await server.send('/')).toMatchObject(reply)
      await tick(20)
      expect(server.errors.map(String)).toEqual(
        reply.aborted ? [expect.stringContaining('Premature close')] : [],
      )
    },
  )

  test.each([true, false])(
    'rule 5: after the headers breaks the response off, and is an error to the app; thrown: %s',
    async (isThrown) => {
      await using server = await serve(async (ctx) => {
        ctx.respond = false
        ctx.status = 200
        ctx.res.write('begun')
        await tick(20)
        const refusal = refuse()
        if (isThrown) throw refusal
        ctx.res.end('done')
      })
      expect(await server.send('/')).toMatchObject({ status: 200, body: 'begun', aborted: true })
      expect(server.errors).toHaveLength(isThrown ? 1 : 0)
    },
  )

  test('rule 3: in the primary region a thrown ReplayRequired is an error like any other', async () => {
    const handler: Middleware = () =>
      Promise.reject(new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true }))
    await using server = await serve(handler, { env: PRIMARY })
    expect((await server.send('/')).status).toBe(500)
    expect(server.errors).toHaveLength(1)
  })
})

test('any other error is told and answered as without Flyback, that of a body included', async () => {
  const seen: unknown[] = []
  for (const env of [SINGLE, REPLICA]) {
    await using server = await serve(
      (ctx) => {
        if (ctx.path === '/body') ctx.body = failing(() => new Error('body'))
        else ctx.throw(418, 'mine')
      },
      { env },
    )
    const { status, body } = await server.send('/')
    await expect(server.send('/body')).rejects.toThrow('socket hang up')
    await tick(10)
    seen.push([status, body, server.errors.map(String)])
  }
  expect(seen[1]).toEqual(seen[0])
  expect(seen[0]).toEqual([418, 'mine', expect.arrayContaining(['Error: body'])])
})

test('rules see the context, and the whole path where koa-mount has cut it', async () => {
  await using server = await serve(
    (ctx) => {
      ctx.body = currentScope()?.state
    },
    {
      routes: [
        { path: '/mounted/x', policy: 'forward' },
        { match: (ctx) => ctx.state['tenant'] === 7 && ctx.query['a'] === 'b', policy: 'forward' },
        {
          match({ path }) {
            if (path === '/broken') throw new Error('broken')
            return false
          },
          policy: 'replay',
        },
      ],
    },
    [
      async (ctx, next) => {
        ctx.state['tenant'] = 7
        ctx.path = ctx.path.replace('/mounted', '')
        await next()
      },
    ],
  )
  expect((await server.send('/mounted/x')).body).toBe('forwarding')
  expect((await server.send('/x')).body).toBe('open')
  expect((await server.send('/y?a=b', { method: 'POST' })).body).toBe('forwarding')
  expect((await server.send('/broken')).status).toBe(500)
  expect(server.errors).toEqual([expect.objectContaining({ message: 'broken' })])
})

test('used twice, it serves a request once', async () => {
  await using server = await serve(
    (ctx) => {
      ctx.body = currentScope()?.state
    },
    {},
    [flyback({ env: REPLICA, policy: 'forward' })],
  )
  expect((await server.send('/')).body).toBe('open')
  expect((await server.send('/', { method: 'POST' })).body).toBe('forwarding')
})

test('a body that is written when the handler has returned is sent as it comes', async () => {
  await using server = await serve((ctx) => {
    const body = new PassThrough()
    ctx.body = body
    setTimeout(() => body.write('one '), 5)
    setTimeout(() => body.end('two'), 10)
  })
  expect(await server.send('/')).toMatchObject({ status: 200, body: 'one two', aborted: false })
})

test('a client that goes away while its body is measured leaves nobody waiting', async () => {
  const ended: boolean[] = []
  await using server = await serve(() => undefined, {}, [
    async (_ctx, next) => {
      await next()
      ended.push(true)
    },
  ])
  const socket = server.socket()
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n')
  await tick(20)
  socket.destroy()
  await expect.poll(() => ended).toEqual([true])
})

test('rule 21: with no region variables the context, request and response are left as they are', async () => {
  await using server = await serve(
    (ctx) => {
      ctx.body = [ctx, ctx.req, ctx.res].map((one) =>
        ['onerror', 'emit', 'writeHead'].some((name) => Object.hasOwn(one, name)),
      )
    },
    { env: SINGLE },
  )
  expect((await server.send('/')).body).toBe('[false,false,false]')
})
