import { expect } from 'vitest'
import { wayOf } from '../expectations.js'
import type { HandlerSection } from '../handler-case.js'
import type { Host } from '../host.js'
import type { Answer, Sent } from '../send.js'
import { TOKEN_COOKIE, tokenLines, tokenOf } from '../token-cookie.js'

const POST: Sent = { method: 'POST' }
const ONE_TOKEN = [expect.stringMatching(TOKEN_COOKIE)]

const write = (host: Host, door: 'app ewr' | 'iad'): Promise<Answer> =>
  host.send(door, `/write?id=${host.id()}`, POST)

/** A token of the same cluster that is further than the primary will be in this test. */
const further = (token: string): string =>
  token.replaceAll(/(\.|-)[0-9a-z]+(?=\.[0-9a-z]+$|=)/g, (part, mark: string) => {
    const lsn = Number.parseInt(part.slice(1), 36) + 10 ** 12
    return `${mark}${lsn.toString(36)}`
  })

const HOSTILE = [
  'flyback-a-1-2=evil',
  'flyback-a-1-2=1.a.1.2.3; flyback-a-1-3=1.b.1.3.3',
  `flyback-${'a'.repeat(2000)}=1.a.1.1.1`,
  'flyback-pin-zz=1.pin.zy',
  '__Host-flyback-a-1-1="1.a.1.1.1; ; ;=',
]

export const tokens: HandlerSection = {
  heading: 'Read your writes',
  cases: [
    {
      id: 'token-written',
      title: 'a response of a request that wrote carries its token, for its client alone',
      async run(host) {
        for (const door of ['app ewr', 'iad'] as const) {
          const answer = await write(host, door)
          expect([answer.status, tokenLines(answer)]).toEqual([200, ONE_TOKEN])
          expect(answer.header('cache-control')).toBe('private')
        }
      },
    },
    {
      id: 'token-forwarded',
      title: 'a response of a request that wrote from its region carries its token, too',
      async run(host) {
        const answer = await host.send('iad', `/forward/write?id=${host.id()}`, POST)
        expect(answer.json()).toMatchObject({ region: 'iad' })
        expect(tokenLines(answer)).toEqual(ONE_TOKEN)
      },
    },
    {
      id: 'token-read',
      title: 'a response of a request that only read carries none, and is kept as its app says',
      async run(host) {
        for (const door of ['app ewr', 'app iad', 'app single'] as const) {
          const answer = await host.send(door, '/read')
          expect([tokenLines(answer), answer.header('cache-control')]).toEqual([[], undefined])
        }
        const cached = await host.send('app ewr', '/cached')
        expect(cached.header('cache-control')).toBe('private, max-age=60')
      },
    },
    {
      id: 'token-stream',
      title: 'a response that is streamed carries the token of what was written before it began',
      async run(host) {
        const answer = await host.send('app ewr', `/stream/written?id=${host.id()}`)
        expect([answer.complete, tokenLines(answer)]).toEqual([true, ONE_TOKEN])
      },
    },
    {
      id: 'token-later',
      title: 'a later write takes the place of an earlier one',
      async run(host) {
        const first = tokenOf(await write(host, 'iad'))
        const sent = { ...POST, headers: { cookie: first } }
        const answer = await host.send('iad', `/write?id=${host.id()}`, sent)
        const [name] = first.split('=', 1)
        expect(tokenLines(answer)).toEqual([
          ...ONE_TOKEN,
          expect.stringContaining(`${name}=; Max-Age=0; Path=/; HttpOnly; `),
        ])
      },
    },
    {
      id: 'token-sent',
      title: 'a read that comes with a token is served where it has been seen, and given no other',
      async run(host) {
        const cookie = tokenOf(await write(host, 'iad'))
        const answer = await host.send('iad', '/read', { headers: { cookie } })
        expect(answer.status).toBe(200)
        expect(tokenLines(answer)).toEqual([])
        // Whether its replica was there in time is not said here.
        const way = await wayOf(host, answer)
        expect([['iad'], ['iad', 'ewr']]).toContainEqual(way)
      },
    },
    {
      id: 'token-beyond',
      title: 'what no member has sends a read to the primary region, which takes the token back',
      async run(host) {
        const cookie = further(tokenOf(await write(host, 'iad')))
        const answer = await host.send('iad', '/read', { headers: { cookie } })
        expect(answer.json()).toEqual({ region: 'ewr', standby: false })
        expect((await host.hops(answer))[0]?.replay?.state).toBe('flyback.1.stale')
        const [name] = cookie.split('=', 1)
        expect(tokenLines(answer)).toEqual([`${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`])
      },
    },
    {
      id: 'token-hostile',
      title: 'what is no token is as none',
      async run(host) {
        for (const cookie of HOSTILE) {
          const answer = await host.send('app iad', '/read', { headers: { cookie } })
          expect([answer.status, tokenLines(answer)], cookie).toEqual([200, []])
          expect(answer.json(), cookie).toEqual({ region: 'iad', standby: true })
        }
      },
    },
  ],
}
