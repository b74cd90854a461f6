import { describe, expect, it } from 'vitest'
import { replayTo, startWorld } from './edge-world.js'

const primary = { region: 'ewr' }
const places = { replica: { region: 'iad', answer: replayTo('region=ewr') }, primary }

/** What Fly does not document, or documents twice: each switch both ways. @see docs/lab-edge-rules.md */
describe('a switch', () => {
  it.each([
    [undefined, 1_048_577, 'PA01'],
    [10_000_000, 1_048_577, undefined],
    [1000, 1001, 'PA01'],
    [1000, 1000, undefined],
  ])('replayBufferBytes %s with a body of %i bytes: %s', async (replayBufferBytes, size, code) => {
    await using world = await startWorld(places, {
      switches: replayBufferBytes ? { replayBufferBytes } : {},
    })
    const answer = await world.send({
      method: 'POST',
      body: Buffer.alloc(size),
      headers: { 'content-length': String(size) },
    })
    expect(answer.headers['lab-edge-error']).toBe(code)
  })

  it.each([true, false])(
    'stripReplaySource %s decides whether a client can forge a replay',
    async (stripReplaySource) => {
      await using world = await startWorld(
        { one: { region: 'iad' } },
        { switches: { stripReplaySource } },
      )
      const forged = {
        'fly-replay-src': 'instance=x',
        'fly-replay-failed': 'reason=timeout',
        'fly-replay-cache-status': 'hit',
        'fly-preferred-instance-unavailable': 'x',
      }
      await world.send({ headers: forged })
      for (const [name, value] of Object.entries(forged)) {
        expect(world.seen[0]?.headers[name]).toBe(stripReplaySource ? undefined : value)
      }
    },
  )

  it.each([
    [true, 'HEAD', 200, 2],
    [true, 'OPTIONS', 200, 2],
    [false, 'HEAD', 409, 1],
    [false, 'OPTIONS', 409, 1],
    [false, 'GET', 200, 2],
  ])(
    'replayHeadAndOptions %s with %s: %i',
    async (replayHeadAndOptions, method, status, requests) => {
      await using world = await startWorld(places, { switches: { replayHeadAndOptions } })
      const answer = await world.send({ method })
      expect(answer.status).toBe(status)
      expect(answer.headers).not.toHaveProperty('fly-replay')
      expect(world.seen).toHaveLength(requests)
    },
  )

  it.each([
    [true, ['a=1', 'b=2', 'c=3']],
    [false, ['c=3']],
  ])('keepReplayCookies %s: the client gets %j', async (keepReplayCookies, cookies) => {
    const headers = { 'set-cookie': ['a=1', 'b=2'] }
    await using world = await startWorld(
      {
        replica: { region: 'iad', answer: replayTo('region=ewr', { headers }) },
        primary: { region: 'ewr', answer: () => ({ headers: { 'set-cookie': ['c=3'] } }) },
      },
      { switches: { keepReplayCookies } },
    )
    expect((await world.send()).headers['set-cookie']).toEqual(cookies)
  })

  it.each([
    ['pass', 'x y;instance=z', undefined],
    ['refuse', 'x y;instance=z', 'PA03'],
    ['refuse', 'v1:a_b.c-d', undefined],
  ] as const)('unsafeState %s with the state %j: %s', async (unsafeState, state, code) => {
    await using world = await startWorld(
      { replica: { region: 'iad', answer: replayTo(`region=ewr;state="${state}"`) }, primary },
      { switches: { unsafeState } },
    )
    expect((await world.send()).headers['lab-edge-error']).toBe(code)
    if (!code)
      expect(world.seen[1]?.headers['fly-replay-src']).toMatch(new RegExp(`;state=${state}$`))
  })

  it.each([
    ['skip', 'miss'],
    ['cache-target', 'hit'],
  ] as const)(
    'uncacheableSession %s: a session whose replay had a state gets a %s',
    async (uncacheableSession, status) => {
      await using world = await startWorld(
        { replica: { region: 'iad', answer: replayTo('region=ewr;state=x') }, primary },
        {
          switches: { uncacheableSession },
          replayCache: [{ pathPrefix: '/', ttlSeconds: 10, type: 'cookie', name: 'sid' }],
        },
      )
      await world.send({ headers: { cookie: 'sid=1' } })
      await world.send({ headers: { cookie: 'sid=1' } })
      expect(world.seen.at(-1)?.headers['fly-replay-cache-status']).toBe(status)
      // A cached replay has no source, so the app cannot tell that it was replayed.
      expect(world.seen.at(-1)?.headers['fly-replay-src'] === undefined).toBe(status === 'hit')
    },
  )

  it.each([0, 3])('retries %i: so many times more a machine is tried', async (retries) => {
    let dials = 0
    await using world = await startWorld(
      { one: { region: 'iad' } },
      {
        switches: { retries, retryDelayMs: 0 },
        dial: () => {
          dials += 1
          throw new Error('no way')
        },
      },
    )
    expect((await world.send()).headers['lab-edge-error']).toBe('PR03')
    expect(dials).toBe(retries + 1)
  })
})
