import { setTimeout as sleep } from 'node:timers/promises'
import type { EdgeHop } from '@flyback/lab'
import { expect } from 'vitest'
import type { Door } from '../doors.js'
import { expectReplayAnswer } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Host } from '../host.js'

/** The deliveries of an upgrade; the edge tells of one when its tunnel has closed. */
async function hopsOf(host: Host, path: string): Promise<(string | undefined)[]> {
  let hops: readonly EdgeHop[] | undefined
  for (let time = 0; time < 200 && hops === undefined; time++) {
    hops = host.records(path)[0]?.hops
    if (hops === undefined) await sleep(10)
  }
  return (hops ?? []).map(({ region }) => region)
}

/** Who says hello at the other end. */
async function greeting(host: Host, door: Door, path: string): Promise<string> {
  using socket = await host.connect(door, path)
  return await socket.next()
}

const forwards = (door: 'app bare' | 'app carrying', title: string): HandlerCase => ({
  id: `socket-${door.slice(4)}`,
  title,
  needs: ['upgrade'],
  async run(host) {
    const id = host.id()
    expect(await greeting(host, door, `/socket/write/${id}?id=${id}`)).toBe('hello from iad')
    expect(await host.effects(id)).toEqual(['iad'])
  },
})

export const sockets: HandlerSection = {
  heading: 'Sockets',
  cases: [
    {
      id: 'socket-read',
      title: 'an upgrade whose handler only reads stays',
      needs: ['upgrade'],
      async run(host) {
        const path = `/socket/read/${host.id()}`
        expect(await greeting(host, 'iad', path)).toBe('hello from iad')
        expect(await hopsOf(host, path)).toEqual(['iad'])
      },
    },
    {
      id: 'socket-write',
      title: 'an upgrade whose handler writes is replayed before it is accepted',
      needs: ['upgrade'],
      async run(host) {
        const id = host.id()
        const path = `/socket/write/${id}`
        expect(await greeting(host, 'iad', `${path}?id=${id}`)).toBe('hello from ewr')
        expect(await host.effects(id)).toEqual(['ewr'])
        expect(await hopsOf(host, path)).toEqual(['iad', 'ewr'])
      },
    },
    {
      id: 'socket-raw',
      title: 'an upgrade that is replayed is answered with the replay alone',
      needs: ['upgrade'],
      async run(host) {
        const headers = {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        }
        const path = `/socket/write/x?id=${host.id()}`
        expectReplayAnswer(await host.send('app iad', path, { headers }), 'write')
      },
    },
    {
      id: 'socket-message',
      title: 'a message writes on the primary, from where its socket is',
      needs: ['upgrade'],
      async run(host) {
        const id = host.id()
        using socket = await host.connect('iad', `/socket/read/${id}`)
        await socket.next()
        socket.say(id)
        expect(await socket.next()).toBe('written in iad')
        expect(await host.effects(id)).toEqual(['iad'])
      },
    },
    {
      id: 'socket-disagree',
      title: 'rule 2: where regions disagree an upgrade is replayed once, and then stays',
      needs: ['upgrade'],
      async run(host) {
        const id = host.id()
        const path = `/socket/write/${id}`
        expect(await greeting(host, 'syd', `${path}?id=${id}`)).toBe('hello from iad')
        expect(await host.effects(id)).toEqual(['iad'])
        expect(await hopsOf(host, path)).toEqual(['syd', 'iad'])
      },
    },
    forwards('app bare', 'with no platform an upgrade stays, and writes on the primary'),
    forwards('app carrying', 'over a plain HTTP proxy an upgrade stays, and writes on the primary'),
  ],
}
