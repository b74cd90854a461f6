import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createMachineTable, startEdge } from '../../src/edge/index.js'
import { closedPort, deferred, replayTo, send, startWorld } from './edge-world.js'

/** @see docs/lab-edge-rules.md (load balancing); https://fly.io/docs/reference/load-balancing/ */
describe('a request', () => {
  it('goes to a machine of the region the edge is in', async () => {
    await using world = await startWorld({ far: { region: 'ewr' }, near: { region: 'iad' } })
    expect((await world.send()).text).toBe('near')
  })

  it('goes to the nearest other region only when all of its own are down', async () => {
    await using world = await startWorld(
      {
        far: { region: 'syd' },
        middle: { region: 'ewr' },
        near1: { region: 'iad' },
        near2: { region: 'iad' },
      },
      { distance: (_, to) => (to === 'ewr' ? 1 : 9) },
    )
    world.entries['near1']?.setHealth('down')
    expect((await world.send()).text).toBe('near2')
    world.entries['near2']?.setHealth('down')
    expect((await world.send()).text).toBe('middle')
    world.entries['near1']?.setHealth('up')
    expect((await world.send()).text).toBe('near1')
  })

  it('goes on to the next machine when one takes no connection', async () => {
    await using world = await startWorld({ other: { region: 'ewr' } })
    world.machines.add({ id: 'gone', region: 'iad', host: '127.0.0.1', port: await closedPort() })
    expect((await world.send({ method: 'POST', body: 'x' })).text).toBe('other')
  })

  // docs/lab-edge-rules.md: "least loaded, closest"
  it('goes to the machine with the least to do', async () => {
    const waiting: ServerResponse[] = []
    const arrived = deferred<undefined>()
    const early = (request: IncomingMessage, response: ServerResponse): boolean => {
      if (request.url !== '/slow') return false
      waiting.push(response)
      arrived.resolve(undefined)
      return true
    }
    await using world = await startWorld({
      one: { region: 'iad', early },
      two: { region: 'iad', early },
    })
    const slow = world.send({ path: '/slow' })
    await arrived.promise
    expect((await world.send()).text).toBe('two')
    for (const response of waiting) response.end()
    await slow
    for (const _ of [1, 2, 3]) expect((await world.send()).text).toBe('one')
  })

  it('finds no machine of another app', async () => {
    await using world = await startWorld({ shop: { region: 'iad', app: 'shop' } })
    expect((await world.send()).headers['lab-edge-error']).toBe('PR04')
  })

  it('goes over the way from the region of its edge to that of the machine', async () => {
    const ways: string[] = []
    await using world = await startWorld(
      { near: { region: 'iad', answer: replayTo('region=ewr') }, far: { region: 'ewr' } },
      {
        dial: (from, to, address) => {
          ways.push(`${from} ${to}`)
          return connect(address)
        },
      },
    )
    await world.send()
    expect(ways).toEqual(['iad iad', 'iad ewr'])
  })

  it('finds each region its own edge, over one table', async () => {
    await using world = await startWorld({ near: { region: 'iad' }, far: { region: 'syd' } })
    await using other = await startEdge({ region: 'syd', machines: world.machines })
    expect((await world.send()).text).toBe('near')
    expect(await send(other.port)).toMatchObject({
      text: 'far',
      headers: { 'fly-request-id': expect.stringMatching(/-syd$/) },
    })
  })

  it('sees machines added to and taken out of the table while the edge runs', async () => {
    await using other = await startWorld({ late: { region: 'iad' } })
    await using world = await startWorld({})
    expect((await world.send()).status).toBe(503)
    const machine = other.entries['late']?.machine
    if (!machine) throw new Error('no machine')
    const entry = world.machines.add(machine)
    expect((await world.send()).text).toBe('late')
    entry[Symbol.dispose]()
    expect((await world.send()).status).toBe(503)
  })
})

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#alternative-routing-headers */
describe('a client', () => {
  const places = {
    iad: { region: 'iad' },
    ewr1: { region: 'ewr' },
    ewr2: { region: 'ewr' },
    fra: { region: 'fra' },
  }

  it.each([
    ['fly-prefer-region', 'ewr', 'ewr1'],
    ['fly-prefer-region', 'syd,fra,ewr', 'fra'],
    ['fly-prefer-region', 'syd', 'iad'],
    ['fly-prefer-region', 'eu', 'fra'],
    ['fly-prefer-region', '"; drop', 'iad'],
    ['fly-force-region', 'syd,ewr', 'ewr1'],
    ['fly-prefer-instance-id', 'ewr2', 'ewr2'],
    ['fly-prefer-instance-id', 'none', 'iad'],
    ['fly-force-instance-id', 'ewr2', 'ewr2'],
  ])('that sends %s: %s is served by %s', async (header, value, machine) => {
    await using world = await startWorld(places)
    expect((await world.send({ headers: { [header]: value } })).text).toBe(machine)
  })

  it.each([
    ['fly-force-region', 'syd'],
    ['fly-force-instance-id', 'none'],
  ])('that sends %s: %s for nobody gets an error', async (header, value) => {
    await using world = await startWorld(places)
    expect((await world.send({ headers: { [header]: value } })).headers['lab-edge-error']).toBe(
      'PR04',
    )
  })

  it('whose preferred instance is not there reaches another, which is told', async () => {
    await using world = await startWorld(places)
    await world.send({ headers: { 'fly-prefer-instance-id': 'none' } })
    expect(world.seen[0]?.headers['fly-preferred-instance-unavailable']).toBe('none')
  })

  // "will attempt to reach the Machine multiple times if the Machine is unhealthy"
  it('that forces an instance waits for it to come back up', async () => {
    await using world = await startWorld(places, { switches: { retries: 500, retryDelayMs: 1 } })
    world.entries['fra']?.setHealth('down')
    const answer = world.send({ headers: { 'fly-force-instance-id': 'fra' } })
    setTimeout(() => world.entries['fra']?.setHealth('up'), 30)
    expect((await answer).text).toBe('fra')
  })
})

describe('the machine table', () => {
  const machine = { id: 'a', region: 'iad', host: '127.0.0.1', port: 3000 }

  it('takes loopback addresses', () => {
    const table = createMachineTable()
    table.add({ ...machine, id: 'v4', host: '127.3.2.1' })
    table.add({ ...machine, id: 'v6', host: '::1', region: 'ewr' })
    expect(table.list().map((entry) => entry.machine.id)).toEqual(['v4', 'v6'])
    expect(table.list('ewr').map((entry) => entry.machine.id)).toEqual(['v6'])
  })

  it.each([
    ['another address', { host: '10.0.0.1' }],
    ['a name', { host: 'localhost' }],
    ['an address that only looks like loopback', { host: '127.0.0.1.example.com' }],
    ['the name of an area as region', { region: 'eu' }],
    ['a region outside its form', { region: 'a;b' }],
    ['an id outside its form', { id: 'a;state=x' }],
    ['an app outside its form', { app: '' }],
    ['no port', { port: 0 }],
  ])('refuses %s', (_, change) => {
    expect(() => createMachineTable().add({ ...machine, ...change })).toThrow(RangeError)
  })

  it('refuses an id twice, and takes it again after it was removed', () => {
    const table = createMachineTable()
    const entry = table.add(machine)
    expect(() => table.add(machine)).toThrow(RangeError)
    entry[Symbol.dispose]()
    table.add(machine)
    entry[Symbol.dispose]()
    expect(table.find('a')).toBeDefined()
  })
})
