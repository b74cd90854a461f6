import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { Door } from '../doors.js'
import { comparable, expectReplayAnswer, wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Sent } from '../send.js'

/** The name all of them are asked by: some frameworks answer with the address of what was not found. */
const HOST = { host: 'app.example' }

/** In a replica region, in the primary one, and where no region is known. */
const unchanged = (id: string, what: string, path: string, asked?: Sent): HandlerCase => ({
  id,
  title: `an answer is the same in every role: ${what}`,
  async run(host) {
    const sent = { ...asked, headers: { ...HOST, ...asked?.headers } }
    const single = await host.send('app single', path, sent)
    for (const door of ['app iad', 'app ewr'] as const) {
      expect(comparable(await host.send(door, path, sent)), door).toEqual(comparable(single))
    }
    expect(await wayOf(host, await host.send('iad', path, sent))).toEqual(['iad'])
  },
})

const PREFLIGHT = {
  method: 'OPTIONS',
  headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
}

export const answers: HandlerSection = {
  heading: 'Answers',
  cases: [
    unchanged('large', 'a long answer', '/large'),
    unchanged('head', 'HEAD', '/large', { method: 'HEAD' }),
    unchanged('options', 'a CORS preflight of a route that writes', '/write', PREFLIGHT),
    unchanged('not-found', '404', '/nowhere'),
    unchanged('error', '500', '/error'),
    unchanged('own-error', "an error handler of the app's own", '/handled/error'),
    unchanged('redirect', 'a redirect', '/moved'),
    unchanged('etag', 'an ETag', '/cached'),
    unchanged('not-modified', '304', '/cached', { headers: { 'if-none-match': '"contract-1"' } }),
    {
      id: 'own-etag',
      title:
        "an answer is the same in every role: 304 by the framework's own ETag, where it makes one",
      async run(host) {
        const ask = async (door: Door): Promise<unknown[]> => {
          const tag = (await host.send(door, '/large')).header('etag') ?? '"none"'
          const sent = { headers: { 'if-none-match': tag } }
          const answer = await host.send(door, '/large', sent)
          return [answer.status, answer.header('etag'), answer.text()]
        }
        expect(await ask('app iad')).toEqual(await ask('app single'))
      },
    },
    unchanged('stream', 'a stream', '/stream/blocks'),
    {
      id: 'head-write',
      title: 'HEAD of a route that writes is replayed',
      async run(host) {
        const id = host.id()
        const answer = await host.send('iad', `/thrown?id=${id}`, { method: 'HEAD' })
        expect([answer.status, answer.body.length]).toEqual([200, 0])
        expect(await wayOf(host, answer)).toEqual(['iad', 'ewr'])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
    {
      id: 'redirect-after-write',
      title: 'a redirect after a replayed POST',
      async run(host) {
        const id = host.id()
        const answer = await host.send('iad', `/moved?id=${id}`, { method: 'POST' })
        expect([answer.status, answer.header('location')]).toEqual([303, '/read?moved=1'])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
    {
      id: 'not-found-post',
      title: '404 of a POST is that of the primary region',
      async run(host) {
        const sent = { method: 'POST', headers: HOST }
        const answer = await host.send('iad', '/nowhere', sent)
        const single = await host.send('app single', '/nowhere', sent)
        expect([answer.status, answer.text()]).toEqual([single.status, single.text()])
        expect(answer.status).toBe(404)
      },
    },
    {
      id: 'compression',
      title: 'compression in front compresses what is answered here, and what is replayed',
      needs: ['compression'],
      async run(host) {
        const sent = { headers: { 'accept-encoding': 'gzip' } }
        const plain = await host.send('app single', '/large')
        const path = `/large/written?id=${host.id()}`
        for (const answer of [
          await host.send('iad', '/large', sent),
          await host.send('iad', path, sent),
        ]) {
          expect(answer.header('content-encoding')).toBe('gzip')
          expect(gunzipSync(answer.body).toString()).toBe(plain.text())
        }
        expectReplayAnswer(await host.send('app iad', path, sent), 'write')
      },
    },
  ],
}
