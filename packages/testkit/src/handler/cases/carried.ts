import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { expectForwarded } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Host } from '../host.js'
import type { Answer, Sent } from '../send.js'
import { TOKEN_COOKIE } from '../token-cookie.js'
import { BODIES, digest, OVER_LIMIT } from './bodies.js'

const POST: Sent = { method: 'POST' }

/** The request ran in ewr, once, and nothing tells of Fly. */
async function expectCarried(host: Host, answer: Answer, id: string): Promise<void> {
  expect({ status: answer.status, body: answer.json() }).toMatchObject({
    status: 200,
    body: { region: 'ewr' },
  })
  expect(answer.headers.filter(([name]) => name.startsWith('fly'))).toEqual([])
  expect(await host.effects(id)).toEqual(['ewr'])
}

const WRITES: readonly (readonly [name: string, path: string, sent: Sent])[] = [
  ['POST', '/write', POST],
  ['a GET that writes', '/thrown', {}],
  ['a wrapped refusal', '/attempt/wrapped', POST],
  ['a swallowed refusal', '/swallowed', {}],
  ['a route that is always replayed', '/oauth/callback', {}],
  ['a mounted app', '/mounted/write', POST],
  ['an error handler of the app', '/handled/thrown', {}],
]

const writes = WRITES.map(
  ([name, path, sent]): HandlerCase => ({
    id: `carried-${path.slice(1).replace('/', '-')}`,
    title: `what is refused runs in the primary region, once: ${name}`,
    async run(host) {
      const id = host.id()
      await expectCarried(host, await host.send('app carrying', `${path}?id=${id}`, sent), id)
    },
  }),
)

const bodies = (['body', 'attempt/body'] as const).map(
  (route): HandlerCase => ({
    id: `carried-${route.replace('/', '-')}`,
    title: `bodies arrive whole, ${route === 'body' ? 'before' : 'after'} the handler read them`,
    async run(host) {
      for (const [, type, body] of BODIES) {
        const id = host.id()
        const sent = { ...POST, headers: { 'content-type': type }, body }
        const answer = await host.send('app carrying', `/${route}?id=${id}`, sent)
        expect(answer.json()).toEqual({ region: 'ewr', type, ...digest(body) })
        await expectCarried(host, answer, id)
      }
    },
  }),
)

export const carried: HandlerSection = {
  heading: 'Proxy',
  cases: [
    ...writes,
    ...bodies,
    {
      id: 'carried-over',
      title: 'a body over the limit stays, and arrives whole',
      async run(host) {
        for (const body of OVER_LIMIT) {
          const id = host.id()
          const answer = await host.send('app carrying', `/body?id=${id}`, { ...POST, body })
          expect(answer.json()).toMatchObject({ region: 'iad', ...digest(body) })
          await expectForwarded(host, answer, id)
        }
      },
    },
    {
      id: 'carried-headers',
      title: 'cookies, headers, path and query arrive, and no header of Fly',
      async run(host) {
        const headers = { cookie: 'a=1; b="x y"', 'x-tag': 'one, two' }
        const path = '/echo/a%2Fb/%C3%BC/?q=1&q=%26'
        const answer = await host.send('app carrying', path, { ...POST, headers })
        const { cookie, 'x-tag': tag } = headers
        expect(answer.json()).toEqual({ region: 'ewr', method: 'POST', url: path, cookie, tag })
      },
    },
    {
      id: 'carried-set-cookie',
      title: 'every cookie of the primary region is set, and none of the attempt before',
      async run(host) {
        const answer = await host.send('app carrying', `/thrown?id=${host.id()}`)
        expect(answer.all('set-cookie')).toEqual([
          'attempt=ewr; Path=/; HttpOnly',
          'visitor=ewr; Path=/; Max-Age=60',
          expect.stringMatching(TOKEN_COOKIE),
        ])
      },
    },
    {
      id: 'carried-answers',
      title: 'redirects, 404 and answers to HEAD are those of the primary region',
      async run(host) {
        const moved = await host.send('app carrying', `/moved?id=${host.id()}`, POST)
        expect([moved.status, moved.header('location')]).toEqual([303, '/read?moved=1'])
        expect((await host.send('app carrying', '/nowhere', POST)).status).toBe(404)
        const id = host.id()
        const head = await host.send('app carrying', `/thrown?id=${id}`, { method: 'HEAD' })
        expect([head.status, head.body.length]).toEqual([200, 0])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
    {
      id: 'carried-stream',
      title: 'a stream arrives part by part',
      async run(host) {
        const parts: string[] = []
        const onPart = (part: string): void => void parts.push(part)
        const path = `/stream/written?id=${host.id()}`
        const answer = await host.send('app carrying', path, { onPart })
        expect(answer.complete).toBe(true)
        expect(answer.text()).toMatch(/^data: one ewr false\n\n.*data: three ewr false\n\n$/s)
        expect(parts[0]).not.toContain('three')
      },
    },
    {
      id: 'carried-compression',
      title: 'a compressed answer is compressed once',
      needs: ['compression'],
      async run(host) {
        const sent = { headers: { 'accept-encoding': 'gzip' } }
        const plain = await host.send('app single', '/large')
        const answer = await host.send('app carrying', `/large/written?id=${host.id()}`, sent)
        expect(answer.all('content-encoding')).toEqual(['gzip'])
        expect(gunzipSync(answer.body).toString()).toBe(plain.text())
      },
    },
    {
      id: 'carried-late',
      title: 'rule 5: a refusal after the headers breaks the response off',
      async run(host) {
        const id = host.id()
        // Bun resets the connection, and with it what was on its way.
        const answer = await host
          .send('app carrying', `/stream/late?id=${id}`)
          .catch(() => undefined)
        expect(answer?.complete ?? false).toBe(false)
        expect(await host.effects(id)).toEqual([])
      },
    },
    {
      id: 'carried-forged',
      title: 'rule 2: a request that says it was carried is forwarded',
      async run(host) {
        const id = host.id()
        const headers = { 'flyback-replay-src': 'state=flyback.1.write' }
        const answer = await host.send('app carrying', `/write?id=${id}`, { ...POST, headers })
        await expectForwarded(host, answer, id)
      },
    },
  ],
}
