import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Dial } from '../../src/edge/index.js'
import { type App, closedPort, replayTo, startWorld } from './edge-world.js'

const impatient = { switches: { retries: 2, retryDelayMs: 1 } }

/** A way on which nothing ever arrives. */
function blackHole(): Duplex {
  const stream = new Duplex({ read: () => undefined, write: () => undefined })
  return Object.assign(stream, { connecting: true })
}

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-timeout-and-fallback */
describe('a replay whose target takes no connection', () => {
  it('is PR03 after the retries, and PR04 when there was nothing to try', async () => {
    await using world = await startWorld(
      { replica: { region: 'iad', answer: replayTo('region=ewr') } },
      impatient,
    )
    using gone = world.machines.add({
      id: 'gone',
      region: 'ewr',
      host: '127.0.0.1',
      port: await closedPort(),
    })
    expect(await world.send()).toMatchObject({ status: 502, headers: { 'lab-edge-error': 'PR03' } })
    gone.setHealth('down')
    expect(await world.send()).toMatchObject({ status: 503, headers: { 'lab-edge-error': 'PR04' } })
  })

  it('goes to the next machine of the target first', async () => {
    await using world = await startWorld(
      { replica: { region: 'iad', answer: replayTo('region=ewr') } },
      impatient,
    )
    world.machines.add({
      id: 'gone',
      region: 'ewr',
      host: '127.0.0.1',
      port: await closedPort(),
    })
    await using other = await startWorld({ here: { region: 'ewr' } })
    const here = other.entries['here']?.machine
    if (here) world.machines.add(here)
    expect((await world.send({ method: 'POST', body: 'x' })).text).toBe('here')
  })

  it('is waited for while it restarts', async () => {
    let refusals = 0
    await using world = await startWorld(
      { replica: { region: 'iad', answer: replayTo('region=ewr') }, primary: { region: 'ewr' } },
      {
        switches: { retryDelayMs: 1 },
        dial: (_from, to, address) => {
          if (to !== 'ewr' || refusals === 3) return connect(address)
          refusals += 1
          return new Duplex().destroy()
        },
      },
    )
    expect((await world.send()).text).toBe('primary')
    expect(refusals).toBe(3)
  })

  // "On its own, setting a timeout just makes the replay fail faster."
  it('gives up after its timeout', async () => {
    await using world = await startWorld(
      {
        replica: { region: 'iad', answer: replayTo('region=ewr;timeout=40ms') },
        primary: { region: 'ewr' },
      },
      dialBlackHoleTo('ewr'),
    )
    const startedMs = performance.now()
    expect((await world.send()).headers['lab-edge-error']).toBe('PR03')
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(35)
  })

  it.each(['force_self', 'prefer_self'])(
    'comes back to the machine that asked for it: %s',
    async (fallback) => {
      await using world = await startWorld(
        {
          other: { region: 'iad' },
          replica: { region: 'iad', answer: replayTo(`region=syd;state=x;fallback=${fallback}`) },
        },
        impatient,
      )
      world.entries['other']?.setHealth('down')
      const answer = await world.send({ method: 'POST', path: '/a?b', body: 'body' })
      expect(answer.text).toBe('replica')
      const back = world.seen[1]
      expect(back).toMatchObject({ method: 'POST', path: '/a?b', body: Buffer.from('body') })
      expect(back?.headers['fly-replay-src']).toBeUndefined()
    },
  )

  it.each([
    [
      'no_candidate',
      'region=syd',
      /^app=app;region=syd;replay_source=replica;reason=no_candidate;elapsed_ms=\d+$/,
    ],
    [
      'retries_exhausted',
      'region=ewr',
      /^instance=gone;app=app;region=ewr;replay_source=replica;reason=retries_exhausted;elapsed_ms=\d+$/,
    ],
  ])('says why it came back: %s', async (_, target, header) => {
    await using world = await startWorld(
      { replica: { region: 'iad', answer: replayTo(`${target};fallback=force_self`) } },
      impatient,
    )
    world.machines.add({
      id: 'gone',
      region: 'ewr',
      host: '127.0.0.1',
      port: await closedPort(),
    })
    await world.send()
    expect(world.seen[1]?.headers['fly-replay-failed']).toMatch(header)
  })

  it('says why it came back: timeout', async () => {
    await using world = await startWorld(
      {
        replica: { region: 'iad', answer: replayTo('region=ewr;timeout=20ms;fallback=force_self') },
        primary: { region: 'ewr' },
      },
      dialBlackHoleTo('ewr'),
    )
    expect((await world.send()).text).toBe('replica')
    const header = world.seen[1]?.headers['fly-replay-failed']
    expect(header).toMatch(
      /^instance=primary;app=app;region=ewr;replay_source=replica;reason=timeout;elapsed_ms=\d+$/,
    )
  })

  it('with force_self is an error when the machine that asked is gone, with prefer_self another of its app answers', async () => {
    for (const [fallback, status] of [
      ['force_self', 503],
      ['prefer_self', 200],
    ] as const) {
      const leave: App = () => {
        world.entries['replica']?.[Symbol.dispose]()
        return { headers: { 'fly-replay': `region=syd;fallback=${fallback}` } }
      }
      await using world = await startWorld(
        { replica: { region: 'iad', answer: leave }, other: { region: 'iad' } },
        impatient,
      )
      expect((await world.send()).status).toBe(status)
      if (status === 200) expect(world.seen[1]?.machine).toBe('other')
    }
  })

  // "Fallback requests cannot themselves issue fly-replay responses." The code is not documented: PA03, invalid fly-replay.
  it('and whose fallback answers with a replay again is PA03', async () => {
    const stubborn = () => ({ headers: { 'fly-replay': 'region=syd;fallback=force_self' } })
    await using world = await startWorld(
      { replica: { region: 'iad', answer: stubborn } },
      impatient,
    )
    expect((await world.send()).headers['lab-edge-error']).toBe('PA03')
    expect(world.seen).toHaveLength(2)
  })

  it('comes back with the source of the hop before, as the machine had it the first time', async () => {
    await using world = await startWorld(
      {
        one: { region: 'iad', answer: replayTo('instance=two;state=first') },
        two: {
          region: 'ewr',
          answer: ({ headers }) =>
            headers['fly-replay-failed']
              ? { body: 'two' }
              : { headers: { 'fly-replay': 'region=syd;fallback=force_self' } },
        },
      },
      impatient,
    )
    expect((await world.send()).text).toBe('two')
    expect(world.seen[2]?.headers['fly-replay-src']).toBe(world.seen[1]?.headers['fly-replay-src'])
  })
})

/** @see docs/lab-edge-rules.md: "Once opened, the replay counts as success" (community.fly.io/t/27404) */
describe('a replay whose target took the connection', () => {
  it.each([500, 503])('has succeeded, even with an answer of %i', async (status) => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=ewr;fallback=force_self') },
      primary: { region: 'ewr', answer: () => ({ status, body: 'broken' }) },
    })
    expect(await world.send()).toMatchObject({ status, text: 'broken' })
    expect(world.seen).toHaveLength(2)
  })

  it('is not tried again when the machine then breaks off: PU02', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=ewr;fallback=force_self') },
      primary: { region: 'ewr', answer: (_seen, request) => void request.socket.destroy() },
      second: { region: 'ewr' },
    })
    expect(await world.send()).toMatchObject({ status: 502, headers: { 'lab-edge-error': 'PU02' } })
    expect(world.seen.map(({ machine }) => machine)).toEqual(['replica', 'primary'])
  })
})

function dialBlackHoleTo(region: string): { dial: Dial } {
  return {
    dial: (_from, to, address) => (to === region ? blackHole() : connect(address)),
  }
}
