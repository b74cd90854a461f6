import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ReplayRequired, Scope } from '@flyback/core'
import { currentScope, runInScope } from '@flyback/core/scope'
import { NextRequest } from 'next/server.js'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  flyback,
  flybackErrors,
  registerFlyback,
  withFlyback,
  withFlybackScope,
} from '../src/next.js'
import { REPLAY, refuse, scope } from './support/contract.js'
import { NO_PLATFORM, PRIMARY, REPLICA, SINGLE } from './support/environments.js'

const post = (path = '/', headers: Record<string, string> = {}): NextRequest =>
  new NextRequest(`http://app${path}`, { method: 'POST', headers })
const get = (path = '/'): NextRequest => new NextRequest(`http://app${path}`)

describe('registerFlyback', () => {
  const servers: Server[] = []
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))))
  })

  /** A server, as Next starts one: its port is in the environment. */
  async function serve(listener: RequestListener, isOfNext = true): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await new Promise((listening) => server.once('listening', listening))
    // `address()` of a server that listens on a port is no string.
    const { port } = server.address() as AddressInfo
    vi.stubEnv('PORT', isOfNext ? String(port) : '1')
    return `http://127.0.0.1:${port}`
  }

  const ask = async (url: string, method = 'GET'): Promise<[number, string | null, string]> => {
    const response = await fetch(url, { method, headers: { connection: 'close' } })
    return [response.status, response.headers.get('fly-replay'), await response.text()]
  }

  async function expectUntouched(): Promise<void> {
    const url = await serve((_req, res) => res.end(currentScope()?.state ?? 'no scope'))
    expect(await ask(url, 'POST')).toEqual([200, null, 'no scope'])
    expect(Object.hasOwn(servers[0] ?? {}, 'emit')).toBe(false)
  }

  test('in the edge runtime no server is touched', async () => {
    vi.stubEnv('NEXT_RUNTIME', 'edge')
    await registerFlyback({ env: REPLICA })
    await expectUntouched()
  })

  test('rule 21: with no region variables no server is touched', async () => {
    await registerFlyback({ env: SINGLE })
    await expectUntouched()
  })

  test('rejects with the option that cannot be used', async () => {
    await expect(registerFlyback({ policy: Object('later') })).rejects.toThrow(/policy/)
  })

  // Node keeps a subscriber for good: what follows runs behind this one.
  describe('in a replica region', () => {
    beforeAll(async () => {
      const match = (): never => {
        throw new Error('broken rule')
      }
      const routes = [
        { path: '/attempt', policy: 'attempt' },
        { path: '/broken', match, policy: 'replay' },
      ] as const
      await registerFlyback({ env: REPLICA, routes })
    })

    test('the server of Next gets requests in a scope, its first one too', async () => {
      const url = await serve((_req, res) => res.end(currentScope()?.state ?? 'no scope'))
      expect(await ask(url)).toEqual([200, null, 'open'])
      expect(await ask(url)).toEqual([200, null, 'open'])
    })

    test('an unsafe method is replayed before its listener', async () => {
      const listener = vi.fn()
      const url = await serve(listener)
      expect(await ask(url, 'POST')).toEqual([409, expect.stringContaining('region=ewr'), ''])
      expect(listener).not.toHaveBeenCalled()
    })

    test.each(['GET', 'POST'])(
      'a refusal of %s that was made a page is replayed',
      async (method) => {
        const url = await serve((_req, res) => {
          refuse()
          res.statusCode = 500
          res.end('error page')
        })
        expect(await ask(`${url}/attempt`, method)).toEqual([409, REPLAY, ''])
      },
    )

    test('after the headers the work stays here, and so it does when the response is over', async () => {
      const seen: unknown[] = []
      let late: Promise<unknown> | undefined
      const url = await serve(async (_req, res) => {
        const look = (): number => seen.push([scope().staysHere, scope().replayable])
        look()
        await new Promise((begun) => res.write('shell', begun))
        look()
        late = new Promise<void>((done) => res.once('close', () => setImmediate(done))).then(look)
        res.end()
      })
      expect(await ask(url)).toEqual([200, null, 'shell'])
      await late
      expect(seen).toEqual([
        [false, true],
        [true, false],
        [true, false],
      ])
    })

    test('a response does not wait for a statement in flight', async () => {
      const url = await serve((_req, res) => {
        scope().follow({ pending: true })
        res.write('shell')
        setTimeout(() => {
          refuse()
          res.end()
        }, 50)
      })
      const response = await fetch(url, { headers: { connection: 'close' } })
      expect(response.status).toBe(200)
      await expect(response.text()).rejects.toThrow()
    })

    test('rule 1: a request that was refused does not stay here', async () => {
      let seen: boolean | undefined
      const url = await serve((_req, res) => {
        refuse()
        res.end('error page')
        res.once('close', () => {
          seen = scope().staysHere
        })
      })
      expect(await ask(url)).toEqual([409, REPLAY, ''])
      await expect.poll(() => seen).toBe(false)
    })

    test('another server of the process is left alone', async () => {
      const url = await serve((_req, res) => res.end(currentScope()?.state ?? 'no scope'), false)
      expect(await ask(url, 'POST')).toEqual([200, null, 'no scope'])
    })

    test('a rule that throws is answered and logged as Next does', async () => {
      const log = vi.spyOn(console, 'error').mockReturnValue()
      const url = await serve((_req, res) => res.end())
      expect(await ask(`${url}/broken`)).toEqual([500, null, 'Internal Server Error'])
      expect(log).toHaveBeenCalledWith(new Error('broken rule'))
      log.mockRestore()
    })

    test('a route handler of another bundle leaves the request to it', async () => {
      vi.resetModules()
      const bundle = await import('../src/next.js')
      const handler = bundle.withFlyback(() => new Response(scope().state), {
        env: REPLICA,
        policy: 'forward',
      })
      const url = await serve(async (req, res) => {
        const { method = 'GET' } = req
        res.end(await (await handler(new Request(url, { method }))).text())
      })
      expect(await ask(`${url}/attempt`, 'POST')).toEqual([200, null, 'open'])
    })
  })

  test('says where Node does not run, and nothing tells of requests', async () => {
    vi.stubGlobal('Bun', {})
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    await registerFlyback({ env: REPLICA })
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('proxy.ts'), {
      type: 'FlybackWarning',
      code: 'FLYBACK_NO_HOOK',
    })
    warn.mockRestore()
    vi.unstubAllGlobals()
  })
})

describe('flybackErrors', () => {
  const request = { path: '/', method: 'GET', headers: {} }
  const context = {
    routerKind: 'App Router',
    routePath: '/',
    routeType: 'render',
    revalidateReason: undefined,
  } as const
  const open = (): Scope => new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
  const lost = new Error('orm', {
    cause: new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true }),
  })

  test('reports nothing of a replay, and finds a refusal where the async context was lost', () => {
    const report = vi.fn()
    const outer = open()
    void runInScope(outer, () => flybackErrors(report)(lost, request, context))
    expect(report).not.toHaveBeenCalled()
    expect(outer.refusal).toMatchObject({ region: 'ewr', reason: 'write' })
    expect(flybackErrors()(lost, request, context)).toBeUndefined()
  })

  test('reports everything else, with all that Next tells', () => {
    const report = vi.fn()
    const sealed = open()
    sealed.seal()
    void runInScope(sealed, () => flybackErrors(report)(lost, request, context))
    const other = new Error('other')
    void runInScope(open(), () => flybackErrors(report)(other, request, context))
    expect(report.mock.calls).toEqual([
      [lost, request, context],
      [other, request, context],
    ])
  })
})

describe('flyback, as proxy', () => {
  test('replays an unsafe request, and lets a safe one pass', async () => {
    const proxy = flyback({ env: REPLICA })
    const answer = await proxy(post())
    expect(answer?.status).toBe(409)
    expect(answer?.headers.get('fly-replay')).toContain('region=ewr')
    expect(await proxy(get())).toBeUndefined()
  })

  test('goes by the rules', async () => {
    const match = vi.fn(() => true)
    const proxy = flyback({
      env: REPLICA,
      routes: [
        { path: '/callback', policy: 'replay' },
        { path: '/search', match, policy: 'attempt' },
      ],
    })
    expect((await proxy(get('/callback')))?.status).toBe(409)
    const search = post('/search')
    expect(await proxy(search)).toBeUndefined()
    expect(match).toHaveBeenCalledWith(search)
  })

  test('rule 2: lets pass what came back', async () => {
    const proxy = flyback({ env: REPLICA })
    const headers = { 'fly-replay-src': 'instance=1;region=ewr;t=1;state=flyback.1.method' }
    expect(await proxy(post('/', headers))).toBeUndefined()
  })

  test('refuses by option', async () => {
    const proxy = flyback({ env: REPLICA, whenNotReplayable: 'fail' })
    expect((await proxy(post('/', { 'content-length': '2000000' })))?.status).toBe(413)
  })

  test.each([
    ['rule 3: the primary region', PRIMARY],
    ['rule 3: a place without regions', SINGLE],
    ['a region without a platform', NO_PLATFORM],
  ])('%s lets everything pass', async (_where, env) => {
    expect(await flyback({ env })(post())).toBeUndefined()
  })
})

describe('withFlyback', () => {
  test('replays what a route handler was refused, and passes on its parameters', async () => {
    const handler = withFlyback(
      async (_request: NextRequest, { params }: { params: Promise<{ id: string }> }) => {
        if ((await params).id === '1') refuse()
        return Response.json({ id: (await params).id })
      },
      { env: REPLICA },
    )
    const params = (id: string): { params: Promise<{ id: string }> } => ({
      params: Promise.resolve({ id }),
    })
    expect((await handler(get(), params('1'))).headers.get('fly-replay')).toBe(REPLAY)
    expect(await (await handler(get(), params('2'))).json()).toEqual({ id: '2' })
  })

  test("throws what Next's own functions throw", async () => {
    const redirect = Object.assign(new Error('NEXT_REDIRECT'), { digest: 'NEXT_REDIRECT;/' })
    const handler = withFlyback(() => Promise.reject(redirect), { env: REPLICA })
    await expect(handler(get())).rejects.toBe(redirect)
  })
})

describe('withFlybackScope', () => {
  const stateOf = (): unknown => [scope().state, scope().staysHere]

  test.each([
    ['attempt', 'open'],
    ['forward', 'forwarding'],
  ] as const)('runs in a scope that stays here, by policy %s', async (policy, state) => {
    expect(await withFlybackScope(stateOf, { env: REPLICA, policy })()).toEqual([state, true])
  })

  test('passes on arguments, and what comes of them', async () => {
    const add = withFlybackScope((a: number, b: number) => a + b, { env: REPLICA })
    expect(await add(1, 2)).toBe(3)
    const failure = new Error('own')
    const fail = withFlybackScope(() => Promise.reject(failure), { env: REPLICA })
    await expect(fail()).rejects.toBe(failure)
  })

  test('takes no policy that would replay', () => {
    const policy = Object('replay')
    expect(() => withFlybackScope(stateOf, { env: REPLICA, policy })).toThrow(/policy/)
  })

  test('changes nothing within a request that is served already', async () => {
    const outer = new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
    const inner = withFlybackScope(() => currentScope(), { env: REPLICA, policy: 'forward' })
    expect(await runInScope(outer, inner)).toBe(outer)
    expect(outer.state).toBe('open')
  })

  test('rule 15: two calls share no scope', async () => {
    const work = withFlybackScope(() => currentScope(), { env: REPLICA })
    const [one, other] = await Promise.all([work(), work()])
    expect(one).not.toBe(other)
  })
})
