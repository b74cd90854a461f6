import { expect } from 'vitest'
import { expectReplayAnswer } from '../expectations.js'
import type { HandlerSection } from '../handler-case.js'
import { TOKEN_COOKIE } from '../token-cookie.js'

const COOKIE = 'session=a%20b; theme="dark"; empty=; x=1=2'

export const headers: HandlerSection = {
  heading: 'Headers',
  cases: [
    {
      id: 'request-headers',
      title: 'cookies and headers of a request arrive when it is replayed',
      async run(host) {
        const sent = { method: 'POST', headers: { cookie: COOKIE, 'x-tag': 'one, "two"; three' } }
        const answer = await host.send('iad', '/echo/headers', sent)
        expect(answer.json()).toMatchObject({
          region: 'ewr',
          cookie: COOKIE,
          tag: 'one, "two"; three',
          source: expect.stringContaining('region=iad'),
        })
      },
    },
    {
      id: 'set-cookie',
      title: 'every cookie of the primary region is set, and none of the attempt before',
      async run(host) {
        const answer = await host.send('iad', `/thrown?id=${host.id()}`)
        expect(answer.all('set-cookie')).toEqual([
          'attempt=ewr; Path=/; HttpOnly',
          'visitor=ewr; Path=/; Max-Age=60',
          expect.stringMatching(TOKEN_COOKIE),
        ])
      },
    },
    {
      id: 'swallowed-set-cookie',
      title: 'no cookie is set of an attempt that had answered already',
      async run(host) {
        const answer = await host.send('iad', `/swallowed?id=${host.id()}`)
        expect(answer.all('set-cookie').join()).not.toContain('iad')
        expect(answer.json()).toEqual({ region: 'ewr', form: 'swallowed' })
      },
    },
    {
      id: 'raw-attempt',
      title: 'a replay after the handler is 409, empty and no-store, with nothing of the handler',
      async run(host) {
        for (const form of ['thrown', 'wrapped', 'swallowed', 'transaction']) {
          expectReplayAnswer(await host.send('app iad', `/${form}?id=${host.id()}`), 'write')
        }
      },
    },
    {
      id: 'raw-eager',
      title: 'a replay before the handler is 409, empty and no-store',
      async run(host) {
        const sent = { method: 'POST', body: 'x', headers: { 'accept-encoding': 'gzip' } }
        expectReplayAnswer(await host.send('app iad', `/write?id=${host.id()}`, sent), 'method')
        expectReplayAnswer(await host.send('app iad', '/oauth/callback'), 'route')
      },
    },
    {
      id: 'raw-keep',
      title: 'no replay shows in the answer a visitor gets',
      async run(host) {
        const answer = await host.send('iad', `/thrown?id=${host.id()}`)
        expect(answer.header('fly-replay')).toBeUndefined()
        expect(answer.header('cache-control')).not.toBe('no-store')
      },
    },
  ],
}
