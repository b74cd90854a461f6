import { describe, expect, it } from 'vitest'
import { type App, manualClock, startWorld, type World } from './edge-world.js'

const cacheable = {
  'fly-replay': 'instance=target',
  'fly-replay-cache': '/app/*',
  'fly-replay-cache-ttl-secs': '10',
}

function places(
  headers: Record<string, string>,
  target: App = ({ machine }) => ({ body: machine }),
) {
  return {
    router: { region: 'iad', answer: () => ({ headers }) },
    target: { region: 'ewr', answer: target },
  }
}

const machinesOf = (world: World): string[] => world.seen.map(({ machine }) => machine)
const statusOf = (world: World): unknown => world.seen.at(-1)?.headers['fly-replay-cache-status']

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#path-based-replay-caching */
describe('a replay cached for a path', () => {
  it('is applied to later requests under the path without asking the app, and has no source header', async () => {
    await using world = await startWorld(places(cacheable))
    await world.send({ path: '/app/a' })
    expect(statusOf(world)).toBe('miss')
    expect(world.seen.at(-1)?.headers['fly-replay-src']).toBeDefined()
    expect((await world.send({ path: '/app/b?c' })).text).toBe('target')
    expect(statusOf(world)).toBe('hit')
    expect(world.seen.at(-1)?.headers['fly-replay-src']).toBeUndefined()
    expect(machinesOf(world)).toEqual(['router', 'target', 'target'])
  })

  it('is not applied to other paths, nor to other hosts', async () => {
    await using world = await startWorld(places(cacheable))
    await world.send({ path: '/app/a', headers: { host: 'one.example:80' } })
    await world.send({ path: '/application', headers: { host: 'one.example' } })
    expect(world.seen[2]?.machine).toBe('router')
    await world.send({ path: '/app/a', headers: { host: 'two.example' } })
    expect(machinesOf(world).slice(-2)).toEqual(['router', 'target'])
    await world.send({ path: '/app/a', headers: { host: 'one.example' } })
    expect(statusOf(world)).toBe('hit')
  })

  it('is forgotten after its time', async () => {
    const clock = manualClock()
    await using world = await startWorld(places(cacheable), { clock })
    await world.send({ path: '/app/a' })
    clock.advance(9999)
    await world.send({ path: '/app/a' })
    expect(statusOf(world)).toBe('hit')
    clock.advance(1)
    await world.send({ path: '/app/a' })
    expect(statusOf(world)).toBe('miss')
  })

  it('is forgotten when the target replays back with invalidate', async () => {
    const back: App = ({ headers, machine }) =>
      headers['fly-replay-cache-status'] === 'hit'
        ? { headers: { 'fly-replay': 'instance=router', 'fly-replay-cache': 'invalidate' } }
        : { body: machine }
    const router: App = ({ headers, machine }) =>
      headers['fly-replay-src'] ? { body: machine } : { headers: cacheable }
    await using world = await startWorld({
      router: { region: 'iad', answer: router },
      target: { region: 'ewr', answer: back },
    })
    await world.send({ path: '/app/a' })
    expect((await world.send({ path: '/app/a' })).text).toBe('router')
    expect((await world.send({ path: '/app/a' })).text).toBe('target')
    expect(machinesOf(world)).toEqual(['router', 'target', 'target', 'router', 'router', 'target'])
  })

  it('is skipped at the wish of a client only if the app allows it', async () => {
    for (const [allow, status] of [
      ['yes', 'bypass'],
      ['no', 'hit'],
    ] as const) {
      await using world = await startWorld(
        places({ ...cacheable, 'fly-replay-cache-allow-bypass': allow }),
      )
      await world.send({ path: '/app/a' })
      await world.send({ path: '/app/a', headers: { 'fly-replay-cache-control': 'skip' } })
      expect(statusOf(world)).toBe(status)
    }
  })

  // "Absent: the request was not replayed and was delivered directly."
  it('has a status only in requests that were replayed', async () => {
    await using world = await startWorld(places(cacheable))
    await world.send({ path: '/app/a', headers: { 'fly-replay-cache-control': 'skip' } })
    expect(world.seen[0]?.headers['fly-replay-cache-status']).toBeUndefined()
    expect(world.seen[1]?.headers['fly-replay-cache-status']).toBe('miss')
  })

  it.each([
    ['a state', { 'fly-replay': 'instance=target;state=x' }],
    ['a timeout', { 'fly-replay': 'instance=target;timeout=1s' }],
    ['a fallback', { 'fly-replay': 'instance=target;fallback=force_self' }],
    ['under 10 seconds', { 'fly-replay-cache-ttl-secs': '9' }],
    ['no time', { 'fly-replay-cache-ttl-secs': '' }],
    ['a pattern that does not match the request', { 'fly-replay-cache': '/other/*' }],
    ['a host with a port', { 'fly-replay-cache': 'localhost:80/app/*' }],
  ])('with %s is PA03', async (_, headers) => {
    await using world = await startWorld(places({ ...cacheable, ...headers }))
    expect((await world.send({ path: '/app/a' })).headers['lab-edge-error']).toBe('PA03')
  })

  it('may come in the JSON form, but not with a transform', async () => {
    for (const [transform, code] of [
      [undefined, undefined],
      [{ path: '/x' }, 'PA03'],
    ] as const) {
      const body = JSON.stringify({
        instance: 'target',
        cache: { prefix: '/app/*', ttl: 60 },
        transform,
      })
      const headers = { 'content-type': 'application/vnd.fly.replay+json' }
      await using world = await startWorld({
        router: { region: 'iad', answer: () => ({ headers, body }) },
        target: { region: 'ewr' },
      })
      expect((await world.send({ path: '/app/a' })).headers['lab-edge-error']).toBe(code)
      if (!code) await world.send({ path: '/app/b' })
      expect(statusOf(world)).toBe(code ? undefined : 'hit')
    }
  })

  it('asks the app again when its target takes no connection', async () => {
    await using world = await startWorld(
      {
        router: {
          region: 'iad',
          answer: ({ headers }) =>
            world.entries['target']?.health === 'up'
              ? { headers: cacheable }
              : { body: `router ${String(headers['fly-replay-cache-status'])}` },
        },
        target: { region: 'ewr' },
      },
      { switches: { retries: 0 } },
    )
    await world.send({ path: '/app/a' })
    world.entries['target']?.setHealth('down')
    expect((await world.send({ path: '/app/a' })).text).toBe('router undefined')
  })
})

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#session-based-replay-caching */
describe('a replay cached for a session', () => {
  const cookieRule = { pathPrefix: '/', ttlSeconds: 300, type: 'cookie', name: 'sid' } as const
  const headerRule = {
    pathPrefix: '/api',
    ttlSeconds: 10,
    type: 'header',
    name: 'Authorization',
  } as const
  const replay = { 'fly-replay': 'instance=target' }

  it('is kept for each value of the cookie', async () => {
    await using world = await startWorld(places(replay), { replayCache: [cookieRule] })
    await world.send({ headers: { cookie: 'x=0; sid=1' } })
    await world.send({ path: '/any', headers: { cookie: 'sid=1; y=2' } })
    expect(machinesOf(world)).toEqual(['router', 'target', 'target'])
    await world.send({ headers: { cookie: 'sid=2' } })
    await world.send()
    expect(machinesOf(world).slice(3)).toEqual(['router', 'target', 'router', 'target'])
  })

  it('follows the rule with the longest path, and its time', async () => {
    const clock = manualClock()
    await using world = await startWorld(places(replay), {
      replayCache: [cookieRule, headerRule],
      clock,
    })
    const headers = { authorization: 'Bearer 1', cookie: 'sid=1' }
    await world.send({ path: '/api/x', headers })
    clock.advance(9000)
    await world.send({ path: '/api/y', headers: { authorization: 'Bearer 1' } })
    expect(statusOf(world)).toBe('hit')
    clock.advance(1000)
    await world.send({ path: '/api/y', headers })
    expect(statusOf(world)).toBe('miss')
  })

  it('pins every later request of the session, reads too, to the target of one replayed write', async () => {
    const router: App = ({ method, machine }) =>
      method === 'POST' ? { headers: replay } : { body: machine }
    await using world = await startWorld(
      { router: { region: 'iad', answer: router }, target: { region: 'ewr' } },
      { replayCache: [cookieRule] },
    )
    const headers = { cookie: 'sid=1' }
    expect((await world.send({ headers })).text).toBe('router')
    await world.send({ method: 'POST', headers })
    expect((await world.send({ headers })).text).toBe('target')
  })

  it('is skipped at the wish of a client only if the rule allows it', async () => {
    for (const allowBypass of [true, false]) {
      await using world = await startWorld(places(replay), {
        replayCache: [{ ...cookieRule, allowBypass }],
      })
      const headers = { cookie: 'sid=1' }
      await world.send({ headers })
      await world.send({ headers: { ...headers, 'fly-replay-cache-control': 'skip' } })
      expect(statusOf(world)).toBe(allowBypass ? 'bypass' : 'hit')
    }
  })

  it('is forgotten when the target replays back with invalidate', async () => {
    const back: App = ({ headers, path, machine }) =>
      path === '/out' && headers['fly-replay-cache-status'] === 'hit'
        ? { headers: { 'fly-replay': 'instance=router', 'fly-replay-cache': 'invalidate' } }
        : { body: machine }
    const router: App = ({ path, machine }) =>
      path === '/out' ? { body: machine } : { headers: replay }
    await using world = await startWorld(
      { router: { region: 'iad', answer: router }, target: { region: 'ewr', answer: back } },
      { replayCache: [cookieRule] },
    )
    const headers = { cookie: 'sid=1' }
    await world.send({ headers })
    expect((await world.send({ path: '/out', headers })).text).toBe('router')
    await world.send({ headers })
    expect(statusOf(world)).toBe('miss')
  })

  it('has a rule of at least 10 seconds, or the edge does not start', async () => {
    await expect(
      startWorld({}, { replayCache: [{ ...cookieRule, ttlSeconds: 9 }] }),
    ).rejects.toThrow(RangeError)
    await expect(
      startWorld({}, { replayCache: [{ ...cookieRule, pathPrefix: '*' }] }),
    ).rejects.toThrow(RangeError)
  })
})
