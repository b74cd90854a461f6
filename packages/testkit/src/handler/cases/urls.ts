import { expect } from 'vitest'
import { wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

const URLS: readonly (readonly [name: string, path: string])[] = [
  ['a query', '/echo/x?a=1&a=2&b=%26%3D&c=1+2%20&d'],
  ['an empty query', '/echo/x?'],
  ['a trailing slash', '/echo/folder/'],
  ['an encoded slash', '/echo/a%2Fb'],
  ['encoded spaces and unicode', '/echo/a%20b/%C3%BC%E2%9C%93'],
  ['signs that need no encoding', "/echo/a:b@c!$&'()*+,;=~"],
]

/** Asks the replica region twice, once without a replay, and the server that knows no regions. */
const keeps = (name: string, path: string): HandlerCase => ({
  id: `url-${name.replaceAll(' ', '-')}`,
  title: `a path is not written anew: ${name}`,
  async run(host) {
    const stayed = await host.send('iad', path)
    const replayed = await host.send('iad', path, { method: 'POST' })
    const single = await host.send('app single', path)
    expect([stayed, replayed, single].map((answer) => [answer.status, answer.json()])).toEqual([
      [200, { region: 'iad', method: 'GET', url: path }],
      [200, { region: 'ewr', method: 'POST', url: path, source: expect.any(String) }],
      [200, { region: 'none', method: 'GET', url: path }],
    ])
    expect(await wayOf(host, replayed)).toEqual(['iad', 'ewr'])
  },
})

export const urls: HandlerSection = {
  heading: 'Paths',
  cases: [
    ...URLS.map(([name, path]) => keeps(name, path)),
    {
      id: 'url-mounted',
      title: 'a mounted app sees the same path when replayed',
      async run(host) {
        const path = '/mounted/echo/a%2Fb/?q=1'
        const replayed = await host.send('iad', path, { method: 'POST' })
        const single = await host.send('app single', path, { method: 'POST' })
        expect(replayed.json()).toEqual({
          ...single.json(),
          region: 'ewr',
          source: expect.any(String),
        })
        expect(single.json()['url']).toMatch(/\/echo\/a%2Fb\/\?q=1$/)
      },
    },
  ],
}
