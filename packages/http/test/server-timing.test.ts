import type { ServerResponse } from 'node:http'
import type { Environment } from '@flyback/core'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { withFlyback } from '../src/fetch.js'
import { flyback as flybackForHono } from '../src/hono.js'
import type { FlybackOptions } from '../src/index.js'
import { withFlyback as withFlybackForNode } from '../src/node.js'
import { refuse, scope } from './support/contract.js'
import { PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { type Reply, startServer } from './support/node-server.js'

const on = { env: REPLICA, serverTiming: true }
const OURS =
  /^flyback;dur=\d+\.\d;desc="region=syd role=replica member=none route=served reason=local"$/
const url = 'http://app.test/'

async function send(
  handler: (res: ServerResponse) => unknown,
  options: FlybackOptions = on,
  sent: { method?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const listener = withFlybackForNode((_req, res) => handler(res), options)
  await using server = await startServer(listener)
  return await server.send('/', sent)
}

const timingOf = ({ headers }: Reply): unknown => headers['server-timing']

describe('Server-Timing', () => {
  test.each<[string, boolean, FlybackOptions]>([
    ['is off', false, { env: REPLICA }],
    ['is off in production', false, { env: { ...REPLICA, NODE_ENV: 'production' } }],
    ['is on in development', true, { env: { ...REPLICA, NODE_ENV: 'development' } }],
    [
      'is off in development by option',
      false,
      { env: { ...REPLICA, NODE_ENV: 'development' }, serverTiming: false },
    ],
    ['is on by option', true, { env: { ...REPLICA, NODE_ENV: 'production' }, serverTiming: true }],
    [
      'is never there in role single',
      false,
      { env: { ...SINGLE, NODE_ENV: 'development' }, serverTiming: true },
    ],
  ])('%s', async (_title, expected, options) => {
    expect(timingOf(await send((res) => res.end('x'), options)) !== undefined).toBe(expected)
    const response = await withFlyback(() => new Response('x'), options)(new Request(url))
    expect(response.headers.has('server-timing')).toBe(expected)
  })

  test.each<[string, string, Environment, () => void]>([
    ['role=replica member=none route=served reason=local', 'syd', REPLICA, () => {}],
    [
      'role=replica member=replica route=served reason=local',
      'syd',
      REPLICA,
      () => scope().answered('replica'),
    ],
    [
      'role=replica member=primary route=forwarded reason=asked',
      'syd',
      REPLICA,
      () => {
        scope().enterWriter('db')
        scope().answered('primary')
      },
    ],
    ['role=primary member=none route=served reason=primary-region', 'ewr', PRIMARY, () => {}],
  ])('says %s', async (words, region, env, work) => {
    const reply = await send(
      (res) => {
        work()
        res.end('x')
      },
      { env, serverTiming: true },
    )
    expect(timingOf(reply)).toContain(`;desc="region=${region} ${words}"`)
    const handler = (): Response => {
      work()
      return new Response('x')
    }
    const response = await withFlyback(handler, { env, serverTiming: true })(new Request(url))
    expect(response.headers.get('server-timing')).toContain(`;desc="region=${region} ${words}"`)
  })

  test.each<[string, string | undefined, (res: ServerResponse) => unknown]>([
    ['alone', undefined, (res) => res.end('x')],
    ['set', 'db;dur=1', (res) => res.setHeader('Server-Timing', 'db;dur=1').end('x')],
    ['set as a list', 'a, b', (res) => res.setHeader('server-timing', ['a', 'b']).end('x')],
    ['given', 'db;dur=1', (res) => res.writeHead(200, { 'Server-Timing': 'db;dur=1' }).end('x')],
    [
      'given after a reason',
      'a',
      (res) => res.writeHead(200, 'Fine', { 'Server-Timing': 'a' }).end('x'),
    ],
    [
      'given a flat list',
      'a, b',
      (res) => res.writeHead(200, ['Server-Timing', 'a', 'X', '1', 'server-timing', 'b']).end('x'),
    ],
    // @types/node knows no list of pairs, which Node takes when nothing else was set.
    [
      'given pairs',
      'a',
      (res) =>
        res
          .writeHead(200, [
            ['Server-Timing', 'a'],
            ['X', '1'],
          ] as unknown as string[])
          .end('x'),
    ],
    [
      'set, and others given',
      'a',
      (res) => res.setHeader('server-timing', 'a').writeHead(200, { X: '1' }).end('x'),
    ],
    [
      'set and given',
      'given',
      (res) =>
        res.setHeader('server-timing', 'set').writeHead(200, { 'server-timing': 'given' }).end('x'),
    ],
    [
      'flushed',
      undefined,
      (res) => {
        res.flushHeaders()
        res.end('x')
      },
    ],
    [
      'written',
      'a',
      (res) => {
        res.setHeader('server-timing', 'a')
        res.write('x')
        res.end()
      },
    ],
  ])("goes behind the app's own in Node: %s", async (title, own, handler) => {
    const reply = await send(handler)
    const plain = await send(handler, { env: REPLICA })
    const values = String(timingOf(reply))
    const at = values.indexOf('flyback;')
    expect(values.slice(at)).toMatch(OURS)
    expect(at === 0 ? undefined : values.slice(0, at - 2)).toBe(own)
    for (const { headers } of [reply, plain]) {
      delete headers['server-timing']
      delete headers['date']
    }
    expect(reply, title).toEqual(plain)
  })

  test('what the app gives to writeHead is not changed', async () => {
    const given = { 'Server-Timing': 'a' }
    const list = ['Server-Timing', 'a']
    await send((res) => res.writeHead(200, given).end('x'))
    await send((res) => res.writeHead(200, list).end('x'))
    expect([given, list]).toEqual([{ 'Server-Timing': 'a' }, ['Server-Timing', 'a']])
  })

  test.each<[string, () => Response]>([
    ['a response', () => new Response('x', { headers: { 'server-timing': 'a' } })],
    ['no body', () => new Response(null, { status: 204, headers: { 'server-timing': 'a' } })],
    [
      'a stream',
      () => new Response(new Blob(['x']).stream(), { headers: { 'server-timing': 'a' } }),
    ],
  ])("goes behind the app's own in a Response: %s", async (_title, make) => {
    for (const env of [REPLICA, PRIMARY]) {
      const serve = withFlyback(make, { env, serverTiming: true })
      const response = await serve(new Request(url))
      expect(response.headers.get('server-timing')).toMatch(/^a, flyback;/)
      expect([response.status, await response.text()]).toEqual([make().status, await make().text()])
    }
  })

  test('is in a Response whose headers cannot be changed', async () => {
    for (const env of [REPLICA, PRIMARY]) {
      const make = (): Response => Response.redirect('http://app.test/there', 303)
      const response = await withFlyback(make, { env, serverTiming: true })(new Request(url))
      expect([response.status, response.headers.get('location')]).toEqual([
        303,
        'http://app.test/there',
      ])
      expect(response.headers.get('server-timing')).toMatch(/^flyback;/)
    }
  })

  test('leaves a Response alone that cannot be copied', async () => {
    const failed = Response.error()
    const serve = withFlyback(() => failed, { env: PRIMARY, serverTiming: true })
    expect(await serve(new Request(url))).toBe(failed)
  })

  test('is in what Hono answers', async () => {
    const app = new Hono().use(flybackForHono(on)).get('/', (c) => c.redirect('/there'))
    const response = await app.request('/')
    expect([response.status, response.headers.get('location')]).toEqual([302, '/there'])
    expect(response.headers.get('server-timing')).toMatch(OURS)
  })

  test('is not in a replay, which no browser sees', async () => {
    const write = (): never => {
      throw refuse()
    }
    expect(timingOf(await send(write))).toBeUndefined()
    expect(timingOf(await send((res) => res.end(), on, { method: 'POST' }))).toBeUndefined()
    const serve = withFlyback(write, on)
    for (const method of ['GET', 'POST']) {
      const response = await serve(new Request(url, { method }))
      expect([response.status, response.headers.has('server-timing')]).toEqual([409, false])
    }
  })

  test('is in an answer of our own, which a browser sees', async () => {
    const options = { ...on, whenNotReplayable: 'fail' as const }
    const headers = { 'fly-replay-src': 'state=flyback.1.write' }
    const words = 'member=none route=refused reason=came-back"'
    const reply = await send((res) => res.end(), options, { headers })
    expect([reply.status, timingOf(reply)]).toEqual([503, expect.stringContaining(words)])
    const response = await withFlyback(() => new Response(), options)(new Request(url, { headers }))
    expect(response.headers.get('server-timing')).toContain(words)
  })

  test('rule 20: nothing of a request is in it', async () => {
    const headers = {
      'fly-replay-src': 'region=evil;state=flyback.1.write',
      'fly-region': 'evil',
      'server-timing': 'evil',
    }
    const reply = await send((res) => res.end('x'), on, { headers })
    expect(JSON.stringify(reply)).not.toContain('evil')
    expect(timingOf(reply)).toContain('reason=came-back')
  })
})
