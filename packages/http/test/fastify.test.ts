import { once } from 'node:events'
import { connect } from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ConfigurationError, ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { fly, flyback } from '../src/fastify.js'
import { REPLAY, refuse } from './support/contract.js'
import { PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { startServer, type TestServer } from './support/node-server.js'

interface Line {
  readonly level: number
  readonly msg: string
  readonly err?: { readonly type: string }
}
const [DEBUG, ERROR] = [20, 50]

interface App extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly log: Line[]
}

/** An app, and what it logs. */
function createApp(options: FastifyServerOptions = {}): App {
  const log: Line[] = []
  const stream = { write: (line: string) => void log.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'debug', stream }, ...options })
  return { app, log, [Symbol.asyncDispose]: () => app.close() }
}

async function createReplica(options: FastifyServerOptions = {}): Promise<App> {
  const created = createApp(options)
  await created.app.register(flyback, { env: REPLICA })
  return created
}

const replayOf = async (app: FastifyInstance, url: string): Promise<unknown> =>
  (await app.inject(url)).headers['fly-replay']

async function listening(app: FastifyInstance): Promise<TestServer> {
  await app.ready()
  return startServer((req, res) => app.routing(req, res))
}

describe('where it is registered', () => {
  test('it covers the instance, routes from before and from below, and 404s', async () => {
    await using created = createApp()
    const { app } = created
    app.get('/before', async () => currentScope()?.role)
    await app.register(flyback, { env: REPLICA })
    app.register(async (child) => {
      child.get('/below', async () => currentScope()?.role)
    })
    app.setNotFoundHandler(async () => {
      throw refuse()
    })
    expect((await app.inject('/before')).body).toBe('replica')
    expect((await app.inject('/below')).body).toBe('replica')
    expect(await replayOf(app, '/nowhere')).toBe(REPLAY)
    expect((await app.inject({ method: 'POST', url: '/nowhere' })).statusCode).toBe(409)
  })

  test('in a plugin with a prefix it covers that, and nothing beside it', async () => {
    await using created = createApp()
    const { app } = created
    app.get('/outside', async () => String(currentScope()?.role))
    await app.register(
      async (child) => {
        await child.register(flyback, {
          env: REPLICA,
          routes: [{ path: '/api/x', policy: 'forward' }],
        })
        child.get('/x', async () => currentScope()?.state)
      },
      { prefix: '/api' },
    )
    expect((await app.inject('/outside')).body).toBe('undefined')
    expect((await app.inject('/api/x')).body, 'the path of a rule is the whole one').toBe(
      'forwarding',
    )
    expect((await app.inject({ method: 'POST', url: '/nowhere' })).statusCode).toBe(404)
  })

  test('twice, or in a parent and its child, it serves a request once', async () => {
    await using created = await createReplica()
    const { app } = created
    await app.register(flyback, { env: REPLICA, policy: 'forward' })
    await app.register(async (child) => {
      await child.register(flyback, { env: REPLICA, routes: [{ policy: 'forward' }] })
      child.get('/x', async () => currentScope()?.state)
    })
    expect((await app.inject('/x')).body).toBe('open')
    expect((await app.inject({ method: 'POST', url: '/x' })).statusCode).toBe(409)
  })

  test('it is known to other plugins by its name', async () => {
    await using created = await createReplica()
    expect(created.app.hasPlugin('@flyback/http')).toBe(true)
  })

  test.each([
    ['a bad policy', { policy: 'never' as 'replay' }],
    ['a prefix, which would have no effect', { prefix: '/api' }],
  ])('%s stops the app at its start', async (_option, options) => {
    await using created = createApp()
    await expect(async () => {
      await created.app.register(flyback, options)
    }).rejects.toThrow(ConfigurationError)
  })

  test('hooks that follow it come behind it, awaited or not', async () => {
    await using created = createApp()
    const { app } = created
    app.register(flyback, { env: REPLICA })
    let role: unknown
    app.addHook('onRequest', async () => {
      role = currentScope()?.role
    })
    app.get('/', async () => 'fine')
    expect((await app.inject('/')).statusCode).toBe(200)
    expect(role).toBe('replica')
  })
})

describe("a route's own policy", () => {
  test.each([
    ['attempt', 'POST', 200, 'open'],
    ['forward', 'POST', 200, 'forwarding'],
    ['replay', 'GET', 409, ''],
  ] as const)(
    '%s in its config goes before method and rules: %s gets %i',
    async (policy, method, status, body) => {
      await using created = createApp()
      const { app } = created
      const rule = policy === 'forward' ? 'replay' : 'forward'
      await app.register(flyback, { env: REPLICA, routes: [{ policy: rule }] })
      app.route({
        method,
        url: '/x/:id',
        config: { flyback: { policy } },
        handler: async () => currentScope()?.state,
      })
      const response = await app.inject({ method, url: '/x/1?a=b' })
      expect([response.statusCode, response.body]).toEqual([status, body])
    },
  )

  test('that is none fails each request to it, loudly', async () => {
    await using created = await createReplica()
    const { app } = created
    const policy = 'never' as 'replay'
    app.get('/x', { config: { flyback: { policy } } }, async () => 'ran')
    const response = await app.inject('/x')
    expect(response.statusCode).toBe(500)
    expect(response.json().message).toContain('the policy of a route')
  })

  test("a rule's predicate sees Fastify's request, and what it throws is an error of the app", async () => {
    await using created = createApp()
    const { app } = created
    await app.register(flyback, {
      env: REPLICA,
      routes: [
        {
          match({ params, routeOptions }) {
            if (routeOptions.url === '/broken') throw new Error('broken')
            return typeof params === 'object' && params !== null && 'id' in params
          },
          policy: 'forward',
        },
      ],
    })
    app.post('/x/:id', async () => currentScope()?.state)
    app.get('/broken', async () => 'ran')
    expect((await app.inject({ method: 'POST', url: '/x/1' })).body).toBe('forwarding')
    expect((await app.inject('/broken')).json().message).toBe('broken')
  })

  test('the path of a rule is the one that was sent, whatever the app rewrites', async () => {
    await using created = createApp({ rewriteUrl: () => '/new' })
    const { app } = created
    await app.register(flyback, { env: REPLICA, routes: [{ path: '/old', policy: 'forward' }] })
    app.get('/new', async () => currentScope()?.state)
    expect((await app.inject('/old')).body).toBe('forwarding')
    expect((await app.inject('/new')).body).toBe('open')
  })
})

describe('rule 15: the scope reaches', () => {
  const HOOKS = ['onRequest', 'preValidation', 'preHandler', 'onResponse'] as const

  test('hooks, body parsers, validation, serialization and the handler', async () => {
    await using created = createApp()
    const { app } = created
    await app.register(flyback, { env: REPLICA, routes: [{ policy: 'attempt' }] })
    const seen: [string, unknown][] = []
    const note = (where: string): void => void seen.push([where, currentScope()?.role])
    for (const hook of HOOKS) app.addHook(hook, async () => note(hook))
    app.addHook('preParsing', async () => note('preParsing'))
    app.addHook('preSerialization', async () => note('preSerialization'))
    app.addHook('onSend', async () => note('onSend'))
    app.addContentTypeParser('text/x', { parseAs: 'string' }, async () => note('parser'))
    app.setValidatorCompiler(() => () => {
      note('validator')
      return true
    })
    app.post('/', { schema: { body: {} } }, async () => {
      note('handler')
      return { fine: true }
    })
    await using server = await listening(app)
    const headers = { 'content-type': 'text/x' }
    expect((await server.send('/', { method: 'POST', headers, body: ['a', 'b'] })).status).toBe(200)
    await expect.poll(() => seen.length).toBe(10)
    expect(seen.filter(([, role]) => role !== 'replica')).toEqual([])
  })

  test('an upload that the handler reads by itself', async () => {
    await using created = createApp()
    const { app } = created
    await app.register(flyback, { env: REPLICA, routes: [{ policy: 'attempt' }] })
    app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null))
    app.post('/', (request, reply) => {
      let size = 0
      request.raw.on('data', (chunk: Buffer) => {
        size += chunk.length
      })
      request.raw.on('end', () => reply.send({ size, state: currentScope()?.state }))
    })
    await using server = await listening(app)
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const body = ['a'.repeat(70_000), 'b']
    const reply = await server.send('/', { method: 'POST', headers, body })
    expect(JSON.parse(reply.body)).toEqual({ size: 70_001, state: 'open' })
  })
})

describe('a refusal', () => {
  const PLACES = ['onRequest', 'preHandler', 'preValidation', 'preSerialization', 'onSend'] as const

  test.each(PLACES)('in a hook of the app is replayed: %s', async (hook) => {
    await using created = await createReplica()
    const { app, log } = created
    // Each hook has a type of its own; all of them may throw.
    const fail: () => Promise<void> = async () => {
      throw refuse()
    }
    app.addHook(hook as 'onRequest', fail)
    app.get('/', async () => ({ fine: true }))
    await using server = await listening(app)
    const { status, headers, body } = await server.send('/')
    expect([status, headers['fly-replay'], body]).toEqual([409, REPLAY, ''])
    expect(log.filter(({ level }) => level >= ERROR)).toEqual([])
  })

  test.each(['thrown', 'sent', 'wrapped', 'lost', 'stream'])(
    'that was %s is replayed, and logged at debug',
    async (how) => {
      await using created = await createReplica()
      const { app, log } = created
      app.get('/thrown', async () => {
        throw refuse()
      })
      app.get('/sent', (_request, reply) => void reply.send(refuse()))
      app.get('/wrapped', async () => {
        throw Object.assign(new Error('orm', { cause: refuse() }), { statusCode: 503 })
      })
      app.get('/lost', async () => {
        throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
      })
      app.get('/stream', async () => {
        const refusal = refuse()
        return new Readable({
          read() {
            this.destroy(refusal)
          },
        })
      })
      await using server = await listening(app)
      const reply = await server.send(`/${how}`, { headers: { cookie: 'a=b' } })
      expect([reply.status, reply.headers['fly-replay'], reply.body]).toEqual([409, REPLAY, ''])
      await expect.poll(() => log.map(({ msg }) => msg)).toContain('request completed')
      expect(log.filter(({ level }) => level > 30)).toEqual([])
      expect(log.filter(({ level, err }) => level === DEBUG && err !== undefined)).toHaveLength(1)
    },
  )

  test('any other error is logged and answered as without Flyback', async () => {
    const answers: unknown[] = []
    for (const options of [undefined, { env: REPLICA }]) {
      await using created = createApp()
      const { app, log } = created
      if (options) await app.register(flyback, options)
      app.get('/error', async () => {
        throw Object.assign(new Error('mine'), { statusCode: 418 })
      })
      app.get('/text', async () => {
        throw 'not an error'
      })
      for (const url of ['/error', '/text']) {
        const { statusCode, body } = await app.inject(url)
        answers.push([
          statusCode,
          body,
          log.filter((line) => 'err' in line).map(({ level }) => level),
        ])
      }
    }
    expect(answers.slice(2)).toEqual(answers.slice(0, 2))
  })

  test("the app's own error handlers run in their order, the child's first", async () => {
    await using created = await createReplica()
    const { app, log } = created
    const seen: string[] = []
    app.setErrorHandler((error, _request, reply) => {
      seen.push('root')
      return reply.code(500).send(error)
    })
    await app.register(async (child) => {
      child.setErrorHandler((error) => {
        seen.push('child')
        throw error
      })
      child.get('/', async () => {
        throw refuse()
      })
    })
    expect(await replayOf(app, '/')).toBe(REPLAY)
    expect(seen).toEqual(['child', 'root'])
    expect(log.filter(({ level }) => level >= ERROR)).toEqual([])
  })

  test('an error handler that answers by itself is replaced, with its headers', async () => {
    await using created = await createReplica()
    const { app } = created
    app.setErrorHandler((_error, _request, reply) =>
      reply.code(500).header('set-cookie', 'a=b').send({ sorry: true }),
    )
    app.get('/', async () => {
      throw refuse()
    })
    await using server = await listening(app)
    const { status, headers, body } = await server.send('/')
    expect([status, headers['set-cookie'], body]).toEqual([409, undefined, ''])
  })

  test.each([['hijacked'], ['raw']])(
    'rule 5: after the headers of a %s reply it breaks the response off',
    async (how) => {
      await using created = await createReplica()
      const { app } = created
      app.get('/', async (_request, reply) => {
        if (how === 'hijacked') reply.hijack()
        reply.raw.write('begun')
        await new Promise((resolve) => setTimeout(resolve, 20))
        refuse()
        reply.raw.end('done')
      })
      await using server = await listening(app)
      expect(await server.send('/')).toMatchObject({ status: 200, body: 'begun', aborted: true })
    },
  )

  test('swallowed in a hijacked reply is replayed', async () => {
    await using created = await createReplica()
    const { app } = created
    app.get('/', (_request, reply) => {
      reply.hijack()
      refuse()
      void pipeline(Readable.from(['a', 'b']), reply.raw).catch(() => undefined)
    })
    await using server = await listening(app)
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
  })
})

describe('beside it', () => {
  test('inject needs no socket, with a body of any kind', async () => {
    await using created = createApp()
    const { app } = created
    await app.register(flyback, { env: REPLICA, routes: [{ policy: 'attempt' }] })
    app.addContentTypeParser(
      '*',
      { parseAs: 'string' },
      async (_request: unknown, body: string) => body,
    )
    app.post('/', async ({ body }) => JSON.stringify([body, currentScope()?.state]))
    const send = async (payload: string | Readable): Promise<unknown> => {
      const headers: Record<string, string> =
        typeof payload === 'string' ? {} : { 'transfer-encoding': 'chunked' }
      const response = await app.inject({
        method: 'POST',
        url: '/',
        payload,
        headers: { 'content-type': 'text/x', ...headers },
      })
      return response.json()
    }
    expect(await send('hello')).toEqual(['hello', 'open'])
    expect(await send(Readable.from([Buffer.from('hel'), Buffer.from('lo')]))).toEqual([
      'hello',
      'forwarding',
    ])
  })

  test('HEAD routes, and both paths of a trailing slash, are replayed', async () => {
    await using created = await createReplica({ routerOptions: { ignoreTrailingSlash: true } })
    const { app } = created
    app.get('/x', async () => {
      throw refuse()
    })
    for (const url of ['/x', '/x/']) {
      const { statusCode, headers } = await app.inject({ method: 'HEAD', url })
      expect([statusCode, headers['fly-replay']]).toEqual([409, REPLAY])
    }
  })

  test("Fastify's own limit of a body answers as ever", async () => {
    await using created = createApp({ bodyLimit: 10 })
    const { app } = created
    await app.register(flyback, {
      env: REPLICA,
      platform: fly({ maxBodyBytes: 1000 }),
      routes: [{ policy: 'attempt' }],
    })
    app.post('/', async () => 'ran')
    await using server = await listening(app)
    const headers = { 'content-type': 'application/json' }
    for (const body of ['"0123456789"', ['"01234', '56789"']]) {
      expect((await server.send('/', { method: 'POST', headers, body })).status).toBe(413)
    }
  })

  test('a replay before the handler ends its time limit, and is told as completed', async () => {
    await using created = await createReplica({ handlerTimeout: 50 })
    const { app, log } = created
    const ended: number[] = []
    app.addHook('onResponse', async (_request, reply) => void ended.push(reply.statusCode))
    app.post('/', async () => 'ran')
    await using server = await listening(app)
    expect((await server.send('/', { method: 'POST' })).status).toBe(409)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(ended).toEqual([409])
    expect(log.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['request completed']))
    expect(log.filter(({ level }) => level > 30)).toEqual([])
  })

  test('rule 3: in the primary region a thrown ReplayRequired is an error like any other, logged as one', async () => {
    await using created = createApp()
    const { app, log } = created
    await app.register(flyback, { env: PRIMARY })
    app.get('/', async () => {
      throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
    })
    expect((await app.inject('/')).statusCode).toBe(500)
    expect(log.filter(({ level }) => level === ERROR)).toHaveLength(1)
  })

  test('rule 21: with no region variables the raw request and response are left as they are', async () => {
    await using created = createApp()
    const { app } = created
    await app.register(flyback, { env: SINGLE })
    app.get('/', async ({ raw }, reply) => [
      Object.hasOwn(raw, 'emit'),
      Object.hasOwn(reply.raw, 'writeHead'),
      currentScope() === undefined,
    ])
    await using server = await listening(app)
    expect((await server.send('/')).body).toBe('[false,false,true]')
  })

  test('over HTTP/2, late and before the handler, requests are replayed', async () => {
    const app = Fastify({ http2: true })
    await app.register(flyback, { env: REPLICA })
    app.get('/', async () => {
      throw refuse()
    })
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const client = connect(address)
    try {
      for (const method of ['GET', 'POST']) {
        const stream = client
          .request({ ':method': method, ':path': '/' }, { endStream: true })
          .resume()
        const [headers] = await once(stream, 'response')
        expect([headers[':status'], headers['fly-replay']]).toEqual([
          409,
          method === 'GET' ? REPLAY : REPLAY.replace('write', 'method'),
        ])
      }
    } finally {
      client.close()
      await app.close()
    }
  })
})
