import { ReplayRequired, type Scope } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { describe, expect, test } from 'vitest'
import type { FlybackOptions } from '../../src/index.js'
import { fly } from '../../src/index.js'
import { NO_PLATFORM, PRIMARY, REPLICA, SINGLE } from './environments.js'
import type { TestServer } from './node-server.js'

/** One request and its response, in no framework's words. */
export interface Exchange {
  body(): Promise<Buffer>
  cookie(name: string, value: string): void
  reply(text: string): void
  /** Sends headers with the first chunk. */
  stream(chunks: AsyncIterable<string>): Promise<void> | void
}

export type Routes = Readonly<Record<string, (exchange: Exchange) => Promise<void> | void>>

/** Starts an app of one framework with Flyback mounted first. Without options: without Flyback. */
export type StartApp = (routes: Routes, options: FlybackOptions | undefined) => Promise<TestServer>

export const REPLAY = 'region=ewr;state=flyback.1.write;fallback=prefer_self'
const limited = fly({ maxBodyBytes: 1000 })
const attempt = [{ path: '/attempt', policy: 'attempt' as const }]

export function scope(): Scope {
  const found = currentScope()
  if (found === undefined) throw new Error('no scope')
  return found
}

export function refuse(): ReplayRequired {
  return scope().refuse('ewr', 'write')
}

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const routes: Routes = {
  '/ok': (x) => {
    x.cookie('a', 'b')
    x.reply('fine')
  },
  '/state': (x) => x.reply(`${currentScope()?.role} ${currentScope()?.state}`),
  '/sync': () => {
    throw refuse()
  },
  '/thrown': async (x) => {
    x.cookie('session', 'secret')
    await tick()
    throw refuse()
  },
  '/wrapped': async () => {
    await tick()
    throw new Error('orm', { cause: new AggregateError([refuse()]) })
  },
  '/swallowed': async (x) => {
    x.cookie('session', 'secret')
    await tick()
    await Promise.allSettled([Promise.reject(refuse())])
    x.reply('all is well')
  },
  '/late': (x) =>
    x.stream(
      (async function* () {
        yield 'first'
        await tick(20)
        refuse()
        yield 'second'
      })(),
    ),
  '/late-at-the-end': (x) =>
    x.stream(
      (async function* () {
        yield 'first'
        await tick(20)
        refuse()
      })(),
    ),
  '/stream': (x) =>
    x.stream(
      (async function* () {
        for (const word of ['one', 'two', 'three']) {
          yield `${word} ${currentScope()?.role};`
          await tick()
        }
      })(),
    ),
  '/forwarded-late': (x) =>
    x.stream(
      (async function* () {
        scope().enterWriter('db')
        yield 'first'
        await tick()
        refuse()
        yield 'last'
      })(),
    ),
  '/not-replayable': () => {
    throw new Error('orm', {
      cause: new ReplayRequired({ region: 'ewr', reason: 'write', replayable: false }),
    })
  },
  '/other': () => {
    throw new Error('other')
  },
  '/attempt': async (x) => {
    const before = currentScope()
    const body = await x.body()
    x.reply(JSON.stringify([before === currentScope(), currentScope()?.state, body.toString()]))
  },
  '/isolated': async (x) => {
    const own = scope()
    await tick(Math.random() * 10)
    const body = String(await x.body())
    const same = own === currentScope()
    if (body === 'refuse') throw refuse()
    await tick(Math.random() * 10)
    x.reply(`${same && own === currentScope()} ${own.state}`)
  },
}

/** What every framework has to do, over a real socket. */
export function describeBase(name: string, start: StartApp): void {
  describe(name, () => {
    test.each(['/sync', '/thrown', '/wrapped', '/swallowed'])(
      'a refusal at %s is answered with a replay, and nothing of the handler',
      async (path) => {
        await using server = await start(routes, { env: REPLICA })
        const { headers, ...reply } = await server.send(path)
        expect(reply).toMatchObject({ status: 409, body: '', aborted: false })
        const { date: _date, connection: _connection, ...rest } = headers
        expect(rest).toEqual({
          'fly-replay': REPLAY,
          'cache-control': 'no-store',
          'content-length': '0',
        })
      },
    )

    test.each(['/ok', '/stream', '/nowhere', '/other'])(
      'a response to %s without a refusal is the same as without Flyback',
      async (path) => {
        await using server = await start(routes, { env: REPLICA })
        await using plain = await start(routes, undefined)
        const reply = await server.send(path)
        const expected = await plain.send(path)
        for (const headers of [reply.headers, expected.headers]) delete headers['date']
        const body = expected.body.replaceAll('undefined', 'replica')
        expect(reply).toEqual({ ...expected, body })
      },
    )

    test('HEAD is answered as without Flyback', async () => {
      await using server = await start(routes, { env: REPLICA })
      await using plain = await start(routes, undefined)
      const reply = await server.send('/ok', { method: 'HEAD' })
      const expected = await plain.send('/ok', { method: 'HEAD' })
      expect([reply.status, Object.keys(reply.headers).toSorted()]).toEqual([
        expected.status,
        Object.keys(expected.headers).toSorted(),
      ])
      expect((await server.send('/thrown', { method: 'HEAD' })).status).toBe(409)
    })

    test.each(['/late', '/late-at-the-end'])(
      'rule 5: a refusal after headers at %s breaks the response off',
      async (path) => {
        await using server = await start(routes, { env: REPLICA })
        expect(await server.send(path)).toMatchObject({
          status: 200,
          body: 'first',
          aborted: true,
        })
      },
    )

    test('rule 5: a refusal after contact with the writer leaves the response to the app', async () => {
      await using server = await start(routes, { env: REPLICA })
      expect(await server.send('/forwarded-late')).toMatchObject({
        status: 200,
        body: 'firstlast',
        aborted: false,
      })
    })

    test('a refusal that is not replayable is an error like any other', async () => {
      await using server = await start(routes, { env: REPLICA })
      expect((await server.send('/not-replayable')).status).toBe(500)
    })

    test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
      '%s is replayed before its handler',
      async (method) => {
        await using server = await start(routes, { env: REPLICA })
        const reply = await server.send('/ok', { method, body: 'x' })
        expect(reply).toMatchObject({ status: 409, body: '' })
        expect(reply.headers['fly-replay']).toBe(REPLAY.replace('write', 'method'))
        expect(reply.headers['set-cookie']).toBeUndefined()
      },
    )

    test('routes choose by method, path and predicate, the first match first', async () => {
      await using server = await start(routes, {
        env: REPLICA,
        routes: [
          { method: 'get', path: '/state', match: () => false, policy: 'forward' },
          { method: ['GET'], path: '/ok', policy: 'replay' },
          { path: '/ok', policy: 'forward' },
          { method: 'POST', path: /^\/st/, policy: 'forward' },
        ],
      })
      expect((await server.send('/state')).body).toBe('replica open')
      expect((await server.send('/state', { method: 'POST' })).body).toBe('replica forwarding')
      const reply = await server.send('/ok?path=/state')
      expect(reply.headers['fly-replay']).toBe(REPLAY.replace('write', 'route'))
    })

    test.each([
      ['fly-replay-src', 'instance=1;region=nrt;t=1;state=flyback.1.write'],
      ['fly-replay-src', 'instance=1;state=flyback.2.word-to-come'],
      ['fly-replay-failed', 'reason=no_candidate'],
      ['fly-replay-cache-status', 'hit'],
    ])('rule 2: a request with %s: %s is forwarded, never replayed', async (header, value) => {
      await using server = await start(routes, { env: REPLICA })
      const headers = { [header]: value }
      expect((await server.send('/state', { headers })).body).toBe('replica forwarding')
      expect((await server.send('/state', { method: 'POST', headers })).body).toBe(
        'replica forwarding',
      )
      expect((await server.send('/thrown', { headers })).status).toBe(500)
    })

    test('rule 2: a request that came back is answered with 503 by option', async () => {
      await using server = await start(routes, { env: REPLICA, whenNotReplayable: 'fail' })
      const headers = { 'fly-replay-src': 'state=flyback.1.write' }
      const reply = await server.send('/state', { method: 'POST', headers })
      expect(reply.status).toBe(503)
      expect(reply.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' })
    })

    test('a replay by someone else may be replayed once by us', async () => {
      await using server = await start(routes, { env: REPLICA })
      const headers = { 'fly-replay-src': 'instance=1;region=nrt;t=1;state=tenant-7' }
      expect((await server.send('/thrown', { headers })).status).toBe(409)
    })

    test.each([
      ['primary', PRIMARY],
      ['single', SINGLE],
    ])('rule 3: role %s never replays', async (_role, env) => {
      await using server = await start(routes, { env })
      for (const path of ['/thrown', '/sync', '/wrapped']) {
        const reply = await server.send(path)
        expect([reply.status, reply.headers['fly-replay']]).toEqual([500, undefined])
      }
      expect((await server.send('/state', { method: 'POST' })).body).toBe(
        env === PRIMARY ? 'primary open' : 'undefined undefined',
      )
    })

    test('without a platform unsafe requests forward and safe ones are attempted', async () => {
      await using server = await start(routes, { env: NO_PLATFORM })
      expect((await server.send('/state', { method: 'POST' })).body).toBe('replica forwarding')
      expect((await server.send('/state')).body).toBe('replica open')
      expect((await server.send('/thrown')).status).toBe(500)
    })

    const whole = 'a'.repeat(1000)
    const large = 'ä'.repeat(100_000)
    test.each([
      ['of a known length', 'hello', 'open', 'hello'],
      ['of the limit, in chunks', [whole.slice(0, 1), whole.slice(1)], 'open', whole],
      ['over the limit by one', `${whole}b`, 'forwarding', `${whole}b`],
      ['over the limit by one, in chunks', [whole, 'b'], 'forwarding', `${whole}b`],
      ['far over the limit, in chunks', [large, large, large], 'forwarding', large.repeat(3)],
      ['in chunks, empty', [], 'open', ''],
    ])(
      'an attempted handler gets a body %s, in its scope',
      async (_name, body, state, expected) => {
        await using server = await start(routes, {
          env: REPLICA,
          platform: limited,
          routes: attempt,
        })
        const headers: Record<string, string> =
          body.length === 0 ? { 'transfer-encoding': 'chunked' } : {}
        const reply = await server.send('/attempt', { method: 'POST', body, headers })
        expect(JSON.parse(reply.body)).toEqual([true, state, expected])
      },
    )

    test.each([
      ['of the limit', whole, 409],
      ['of the limit, in chunks', [whole.slice(1), 'a'], 409],
      ['over the limit', `${whole}b`, 200],
      ['over the limit, in chunks', [whole, 'b'], 200],
    ])('a body %s under policy replay gets %#', async (_name, body, status) => {
      await using server = await start(routes, { env: REPLICA, platform: limited })
      expect((await server.send('/attempt', { method: 'POST', body })).status).toBe(status)
    })

    test.each([
      ['known', `${whole}b`],
      ['unknown', [whole, 'b']],
    ])('a body of %s length over the limit is answered with 413 by option', async (_name, body) => {
      await using server = await start(routes, {
        env: REPLICA,
        platform: limited,
        whenNotReplayable: 'fail',
      })
      const reply = await server.send('/attempt', { method: 'POST', body })
      expect(reply.status).toBe(413)
      expect(reply.body).toContain('1000 bytes')
    })

    test('rule 15: fifty requests at once keep their scopes apart', async () => {
      await using server = await start(routes, {
        env: REPLICA,
        routes: [{ path: '/isolated', policy: 'attempt' }],
      })
      const bodies = Array.from({ length: 50 }, (_, index) =>
        index % 3 === 0 ? 'refuse' : index % 3 === 1 ? ['o', 'k'] : 'ok',
      )
      const replies = await Promise.all(
        bodies.map((body) => server.send('/isolated', { method: 'POST', body })),
      )
      expect(replies.map(({ status, body }) => [status, body])).toEqual(
        bodies.map((body) => (body === 'refuse' ? [409, ''] : [200, 'true open'])),
      )
    })

    test('rule 20: hostile request headers reach no response', async () => {
      await using server = await start(routes, { env: REPLICA })
      const headers = {
        'fly-replay-src': 'region=evil;state=evil;x=y',
        'fly-region': 'evil',
        'fly-prefer-region': 'evil',
        'x-forwarded-host': 'evil',
      }
      const reply = await server.send('/thrown?region=evil', { headers })
      expect(JSON.stringify(reply)).not.toContain('evil')
      expect(reply.headers['fly-replay']).toBe(REPLAY)
    })
  })
}
