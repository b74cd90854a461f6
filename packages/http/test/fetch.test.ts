import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { stream, streamSSE } from 'hono/streaming'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { fly, httpProxy, withFlyback } from '../src/fetch.js'
import { flyback } from '../src/hono.js'
import { REPLAY, refuse, scope } from './support/contract.js'
import { NO_PLATFORM, PRIMARY, REPLICA, SINGLE } from './support/environments.js'

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const replica = { env: REPLICA }
const url = 'http://app.test/'
const get = (path = ''): Request => new Request(url + path)

/** A stream that asks `next` for each chunk, and ends when it answers nothing. */
function streamOf(next: (index: number) => string | undefined): ReadableStream<Uint8Array> {
  let index = 0
  return new ReadableStream({
    async pull(controller) {
      await tick(5)
      const chunk = next(index++)
      if (chunk === undefined) controller.close()
      else controller.enqueue(new TextEncoder().encode(chunk))
    },
  })
}

describe('withFlyback', () => {
  test('passes further arguments on, with their types', async () => {
    const handler = withFlyback(
      (_request: Request, env: { name: string }, count: number) =>
        new Response(`${env.name} ${count}`),
      replica,
    )
    expectTypeOf(handler).parameters.toEqualTypeOf<[Request, { name: string }, number]>()
    expect(await (await handler(get(), { name: 'a' }, 2)).text()).toBe('a 2')
  })

  test('rule 21: in role single the very request and response pass', async () => {
    const response = new Response('x')
    const seen: unknown[] = []
    const handler = withFlyback(
      (request) => {
        seen.push(request, currentScope())
        return response
      },
      { env: SINGLE },
    )
    const request = get()
    expect(await handler(request)).toBe(response)
    expect(seen).toEqual([request, undefined])
    expect(seen[0]).toBe(request)
  })

  test.each([
    ['in role primary', PRIMARY, {}],
    ['to HEAD', REPLICA, { method: 'HEAD' }],
  ])('nobody asks a response %s for its body', async (_name, env, init) => {
    const response = new Response('x')
    const body = vi.spyOn(response, 'body', 'get')
    const handler = withFlyback(() => response, { env })
    expect(await handler(new Request(url, init))).toBe(response)
    expect(body).not.toHaveBeenCalled()
  })

  test('a WebSocket, which Bun and Deno make of a request, is not carried', async () => {
    const platform = httpProxy({ url: 'http://127.0.0.1:1' })
    const handler = withFlyback(() => new Response(String(scope().replayable)), {
      env: NO_PLATFORM,
      platform,
    })
    const ask = async (headers: Record<string, string>): Promise<string> =>
      (await handler(new Request(url, { headers }))).text()
    expect(await ask({ upgrade: 'WebSocket' })).toBe('false')
    expect(await ask({ upgrade: 'h2c' })).toBe('true')
  })

  test('a handler that throws is rejected with the same error', async () => {
    const error = new Error('other')
    const handler = withFlyback(() => {
      throw error
    }, replica)
    await expect(handler(get())).rejects.toBe(error)
  })

  test('a refusal that is not replayable is thrown on', async () => {
    const error = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: false })
    const handler = withFlyback(() => Promise.reject(error), replica)
    await expect(handler(get())).rejects.toBe(error)
  })

  test('a replayable refusal thrown out of sight of its scope is replayed', async () => {
    const cause = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
    const handler = withFlyback(() => Promise.reject(new Error('orm', { cause })), replica)
    expect((await handler(get())).headers.get('fly-replay')).toBe(REPLAY)
  })

  test('rule 1: but not when the scope has forwarded meanwhile', async () => {
    const cause = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
    const handler = withFlyback(() => {
      scope().enterWriter('db')
      return Promise.reject(cause)
    }, replica)
    await expect(handler(get())).rejects.toBe(cause)
  })

  test('the response that is dropped is cancelled', async () => {
    const cancel = vi.fn<() => void>()
    const handler = withFlyback(() => {
      refuse()
      return new Response(new ReadableStream({ cancel }))
    }, replica)
    expect((await handler(get())).status).toBe(409)
    expect(cancel).toHaveBeenCalledOnce()
  })

  test.each([REPLICA, PRIMARY, SINGLE, NO_PLATFORM])(
    'a handler that has upgraded in Bun, and answers nothing, answers nothing: %o',
    async (env) => {
      const server = { upgrade: () => true }
      const handler = withFlyback(
        async (request: Request, own: typeof server) => {
          await tick()
          if (own.upgrade() && request.url.endsWith('/socket')) return undefined
          return new Response(currentScope()?.state ?? 'none')
        },
        { env },
      )
      expectTypeOf(handler).returns.toEqualTypeOf<Promise<Response | undefined>>()
      expect(await handler(get('socket'), server)).toBeUndefined()
      expect(await (await handler(get(), server))?.text()).toBe(env === SINGLE ? 'none' : 'open')
    },
  )

  test('an upgrade is replayed by a rule, or when something is refused before it', async () => {
    const upgrade = vi.fn<() => undefined>()
    const handler = withFlyback(
      async (request: Request) => {
        await tick()
        if (request.url.endsWith('/refused')) throw refuse()
        return upgrade()
      },
      { ...replica, routes: [{ path: '/chat', policy: 'replay' }] },
    )
    expect((await handler(get('refused')))?.headers.get('fly-replay')).toBe(REPLAY)
    expect((await handler(get('chat')))?.status).toBe(409)
    expect(upgrade).not.toHaveBeenCalled()
  })

  test('a handler called by a handler belongs to the scope of the first', async () => {
    const inner = withFlyback(() => {
      throw refuse()
    }, replica)
    const outer = withFlyback(async () => {
      await inner(get()).catch(() => undefined)
      return new Response('fine')
    }, replica)
    expect((await outer(get())).status).toBe(409)
  })
})

describe('a response', () => {
  test('keeps its status, its text and all its headers', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x-y', 'z'],
    ])
    const handler = withFlyback(
      (request) =>
        new Response(request.url.endsWith('s') ? streamOf((i) => ['a', 'b'][i]) : 'ab', {
          status: 201,
          statusText: 'Made',
          headers,
        }),
      replica,
    )
    for (const path of ['', 's']) {
      const response = await handler(get(path))
      expect([response.status, response.statusText]).toEqual([201, 'Made'])
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
      expect(response.headers.get('x-y')).toBe('z')
      expect(await response.text()).toBe('ab')
    }
  })

  test.each([204, 205, 304])('of status %i has no body to watch', async (status) => {
    const response = new Response(null, { status })
    expect(await withFlyback(() => response, replica)(get())).toBe(response)
  })

  test('rule 5: breaks off when a refusal comes while it streams', async () => {
    const handler = withFlyback(
      () =>
        new Response(
          streamOf((index) => {
            if (index === 1) refuse()
            return ['a', 'b'][index]
          }),
        ),
      replica,
    )
    const response = await handler(get())
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toBeInstanceOf(ReplayRequired)
  })

  test('that is refused before anything was sent is still replayed', async () => {
    const handler = withFlyback(
      () =>
        new Response(
          new ReadableStream(
            {
              pull(controller) {
                controller.error(refuse())
              },
            },
            { highWaterMark: 0 },
          ),
        ),
      replica,
    )
    expect((await handler(get())).headers.get('fly-replay')).toBe(REPLAY)
  })

  test('waits for a write that nobody waits for, which may be refused', async () => {
    const handler = withFlyback((request) => {
      const own = scope()
      const forget = own.follow({ pending: true })
      setTimeout(() => {
        if (request.url.endsWith('refused')) own.refuse('ewr', 'write')
        forget()
      }, 10)
      return new Response('x')
    }, replica)
    expect((await handler(get('refused'))).headers.get('fly-replay')).toBe(REPLAY)
    expect(await (await handler(get('read'))).text()).toBe('x')
  })

  test.each(['whole', 'stream'])(
    'rule 5: does not end before a write that its source began and nobody waits for: %s',
    async (form) => {
      const handler = withFlyback((request) => {
        const isRefused = request.url.endsWith('refused')
        const begin = (): void => {
          const own = scope()
          const forget = own.follow({ pending: true })
          setTimeout(() => {
            if (isRefused) own.refuse('ewr', 'write')
            forget()
          }, 10)
        }
        const text = (chunk: string) => new TextEncoder().encode(chunk)
        const source = {
          async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
            if (form === 'whole') begin()
            else {
              controller.enqueue(text('first '))
              await tick(20)
              begin()
            }
            controller.enqueue(text('last'))
            controller.close()
          },
        }
        // It begins when it is read.
        return new Response(new ReadableStream(source, { highWaterMark: 0 }))
      }, replica)
      const read = await handler(get('read'))
      expect(await read.text()).toBe(form === 'whole' ? 'last' : 'first last')
      const refused = await handler(get('refused'))
      if (form === 'whole') expect(refused.headers.get('fly-replay')).toBe(REPLAY)
      else await expect(refused.text()).rejects.toThrow(/primary region/)
    },
  )

  test('whose source fails at its first read with a refusal out of sight of its scope is replayed', async () => {
    const handler = withFlyback(
      () =>
        new Response(
          new ReadableStream({
            pull() {
              throw new ReplayRequired({ region: 'nrt', reason: 'write', replayable: true })
            },
          }),
        ),
      replica,
    )
    expect((await handler(get())).headers.get('fly-replay')).toContain('region=nrt;')
  })

  test('streams in its scope, one chunk for each that is read', async () => {
    let pulled = 0
    const own: boolean[] = []
    const handler = withFlyback(() => {
      const mine = currentScope()
      const body = streamOf((index) => {
        pulled++
        own.push(currentScope() === mine)
        return index < 100 ? 'x' : undefined
      })
      return new Response(body)
    }, replica)
    const { body } = await handler(get())
    const reader = body?.getReader()
    await reader?.read()
    await tick(50)
    expect(pulled).toBeLessThanOrEqual(4)
    while ((await reader?.read())?.done === false);
    expect(pulled).toBe(101)
    expect(new Set(own)).toEqual(new Set([true]))
  })

  test('that is cancelled cancels its source, once, with the reason', async () => {
    const cancel = vi.fn<(reason: unknown) => void>()
    const handler = withFlyback(
      () => new Response(new ReadableStream({ cancel, pull: () => tick(10) })),
      replica,
    )
    const response = await handler(get())
    await response.body?.cancel('enough')
    expect(cancel.mock.calls).toEqual([['enough']])
  })

  test('whose source fails fails with the same error', async () => {
    const error = new Error('source')
    const handler = withFlyback(
      () => new Response(streamOf((index) => (index === 0 ? 'a' : fail(error)))),
      replica,
    )
    await expect((await handler(get())).text()).rejects.toBe(error)
  })

  test('ends its scope when its body has ended, and at once without a stream', async () => {
    const seen: boolean[] = []
    const scopes: Array<ReturnType<typeof scope>> = []
    const handler = withFlyback((request) => {
      const own = scope()
      scopes.push(own)
      const end = own.end.bind(own)
      own.end = () => {
        seen.push(true)
        end()
      }
      return new Response(request.url.endsWith('s') ? streamOf((i) => ['a', 'b'][i]) : 'ab')
    }, replica)
    await handler(get())
    expect(seen).toHaveLength(1)
    const response = await handler(get('s'))
    expect(seen).toHaveLength(1)
    await response.text()
    expect(seen).toHaveLength(2)
  })
})

describe('a body of unknown size', () => {
  const options = { ...replica, policy: 'attempt', platform: fly({ maxBodyBytes: 10 }) } as const
  const post = (body: ReadableStream<Uint8Array>, init: RequestInit = {}): Request =>
    new Request(url, { method: 'POST', body, duplex: 'half', ...init })

  test('is left to the handler in the request it came in', async () => {
    const seen: unknown[] = []
    const handler = withFlyback(async (request) => {
      seen.push(request)
      return new Response(`${scope().state} ${await request.text()}`)
    }, options)
    const { signal } = new AbortController()
    const request = post(
      streamOf((i) => ['abc', 'de'][i]),
      { signal, headers: { a: 'b' } },
    )
    expect(await (await handler(request)).text()).toBe('open abcde')
    expect(seen[0]).toBe(request)
    const large = post(streamOf((i) => ['abcdefgh', 'ijklmnop', 'q'][i]))
    expect(await (await handler(large)).text()).toBe('forwarding abcdefghijklmnopq')
  })

  test('over the limit is read no faster than the handler reads it', async () => {
    let pulled = 0
    const handler = withFlyback(async (request) => {
      await tick(50)
      const before = pulled
      return new Response(`${before} ${(await request.text()).length}`)
    }, options)
    const body = streamOf((index) => {
      pulled++
      return index < 30 ? 'xxxx' : undefined
    })
    const [before, length] = (await (await handler(post(body))).text()).split(' ').map(Number)
    expect(before).toBeLessThan(8)
    expect(length).toBe(120)
  })

  test('that was read before Flyback is forwarded', async () => {
    const handler = withFlyback(() => new Response(scope().state), options)
    const request = post(streamOf((i) => ['abc'][i]))
    await request.text()
    expect(await (await handler(request)).text()).toBe('forwarding')
  })

  test('that breaks off rejects, and runs no handler', async () => {
    const error = new Error('gone')
    const inner = vi.fn<() => Response>()
    const request = post(streamOf((index) => (index === 0 ? 'a' : fail(error))))
    await expect(withFlyback(inner, options)(request)).rejects.toBe(error)
    expect(inner).not.toHaveBeenCalled()
  })
})

describe('hono', () => {
  const create = (): Hono => {
    const app = new Hono()
    app.use(flyback(replica))
    return app
  }

  test('an error handler of the app or of a route has no say in a replay', async () => {
    const app = create()
    const inner = new Hono().get('/', async () => {
      await tick()
      throw new Error('orm', { cause: refuse() })
    })
    inner.onError((_error, c) => c.text('inner', 500, { 'set-cookie': 'a=b' }))
    app.onError((_error, c) => c.text('outer', 500))
    app.route('/inner', inner)
    const response = await app.request('/inner')
    expect(response.status).toBe(409)
    expect([...response.headers.keys()]).toEqual(['cache-control', 'content-length', 'fly-replay'])
  })

  test('a refusal out of sight of its scope is found on the context', async () => {
    const app = create()
    app.onError((_error, c) => c.text('failed', 500))
    app.get('/', () => {
      throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
    })
    expect((await app.request('/')).headers.get('fly-replay')).toBe(REPLAY)
  })

  test('rule 5: a refusal in a stream breaks it off, swallowed by Hono or not', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const app = create()
    app.get('/stream', (c) =>
      stream(c, async (out) => {
        await out.write('first')
        await tick(10)
        throw refuse()
      }),
    )
    app.get('/sse', (c) =>
      streamSSE(c, async (out) => {
        await out.writeSSE({ data: 'first' })
        await tick(10)
        refuse()
        await out.writeSSE({ data: 'second' })
      }),
    )
    for (const path of ['/stream', '/sse']) {
      const response = await app.request(path)
      expect(response.status).toBe(200)
      await expect(response.text()).rejects.toBeInstanceOf(ReplayRequired)
    }
  })

  test('compression before or after changes neither a replay nor an answer', async () => {
    const before = new Hono()
    before.use(compress(), flyback(replica))
    const after = new Hono()
    after.use(flyback(replica), compress())
    for (const app of [before, after]) {
      app.get('/', (c) => c.text('x'.repeat(5000)))
      app.get('/refused', (c) => {
        refuse()
        return c.text('x'.repeat(5000))
      })
      const headers = { 'accept-encoding': 'gzip' }
      const response = await app.request('/', { headers })
      const text = await new Response(
        response.body?.pipeThrough(new DecompressionStream('gzip')) ?? null,
      ).text()
      expect(text).toHaveLength(5000)
      expect((await app.request('/refused', { headers })).headers.get('fly-replay')).toBe(REPLAY)
    }
  })

  test('headers set by the context before do not reach a replay', async () => {
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('set-cookie', 'a=b')
      c.header('x-before', '1')
      await next()
    })
    app.use(flyback(replica))
    app.all('/', (c) => c.text(scope().state))
    const headers = [...(await app.request('/', { method: 'POST' })).headers.keys()]
    expect(headers).toEqual(['cache-control', 'content-length', 'fly-replay'])
    expect((await app.request('/')).headers.get('x-before')).toBe('1')
  })
})

function fail(error: Error): never {
  throw error
}
