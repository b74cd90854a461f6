import { expect } from 'vitest'
import { expectForwarded, wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Sent } from '../send.js'

const POST: Sent = { method: 'POST' }

interface Write {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly sent: Sent
}

/** One for each way to be replayed. */
const WRITES: readonly Write[] = [
  { id: 'post', name: 'POST', path: '/write', sent: POST },
  { id: 'get', name: 'GET', path: '/thrown', sent: {} },
  { id: 'attempt', name: 'an attempted POST', path: '/attempt/thrown', sent: POST },
]

const forwarded = (
  id: string,
  title: string,
  door: 'iad alone' | 'app bare',
): readonly HandlerCase[] =>
  WRITES.map(({ id: way, name, path, sent }) => ({
    id: `${id}-${way}`,
    title: `${title}: ${name}`,
    async run(host) {
      const effect = host.id()
      const answer = await host.send(door, `${path}?id=${effect}`, sent)
      await expectForwarded(host, answer, effect)
      expect(answer.header('fly-replay')).toBeUndefined()
    },
  }))

export const platforms: HandlerSection = {
  heading: 'Regions',
  cases: [
    {
      id: 'disagree',
      title: 'rule 2: where regions disagree a request is replayed once, and then stays',
      async run(host) {
        for (const { path, sent } of WRITES) {
          const id = host.id()
          const answer = await host.send('syd', `${path}?id=${id}`, sent)
          await expectForwarded(host, answer, id)
          expect(await wayOf(host, answer)).toEqual(['syd', 'iad'])
        }
      },
    },
    {
      id: 'replay-cache',
      title: 'rule 2: a hit of a replay cache is not replayed again',
      async run(host) {
        const sent = { headers: { cookie: `session=${host.id()}` } }
        for (const way of [['syd', 'iad'], ['iad']]) {
          const id = host.id()
          const answer = await host.send('syd caching', `/thrown?id=${id}`, sent)
          await expectForwarded(host, answer, id)
          expect(await wayOf(host, answer)).toEqual(way)
        }
      },
    },
    ...forwarded('failed', 'rule 2: a replay that found no machine is forwarded', 'iad alone'),
    {
      id: 'failed-refused',
      title:
        'rule 2: a replay that found no machine is answered with 503 and Retry-After, by option',
      async run(host) {
        for (const { path, sent } of WRITES) {
          const id = host.id()
          const answer = await host.send('syd alone', `${path}?id=${id}`, sent)
          expect([answer.status, answer.header('retry-after')]).toEqual([503, '1'])
          expect(answer.header('cache-control')).toBe('no-store')
          expect(await host.effects(id)).toEqual([])
          const regions = (await host.hops(answer)).filter(({ status }) => status !== undefined)
          expect(regions.map(({ region }) => region)).toEqual(['syd', 'syd'])
        }
      },
    },
    ...forwarded('bare', 'with no platform a write goes to the primary from here', 'app bare'),
    {
      id: 'own-replay',
      title: 'an app that uses fly-replay itself keeps its header',
      async run(host) {
        const answer = await host.send('app iad', '/tenant')
        expect([answer.status, answer.header('fly-replay')]).toEqual([
          200,
          'region=iad;state=tenant-7',
        ])
      },
    },
    {
      id: 'own-replay-then-ours',
      title: 'what an app itself replayed to a replica region may be replayed by Flyback, once',
      async run(host) {
        const id = host.id()
        const answer = await host.send('ewr', `/tenant?id=${id}`)
        expect(answer.json()).toMatchObject({ region: 'ewr' })
        expect(await wayOf(host, answer)).toEqual(['ewr', 'iad', 'ewr'])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
  ],
}
