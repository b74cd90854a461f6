import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Sent } from '../send.js'

type Body = NonNullable<Sent['body']>

const BINARY = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 31 + (at >> 8)) % 256)
const MULTIPART = [
  '--cut\r\ncontent-disposition: form-data; name="title"\r\n\r\nä ✓\r\n',
  '--cut\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n',
  'content-type: application/octet-stream\r\n\r\n\u0000\u0001\r\n--cut--\r\n',
].join('')

/** Bodies of every kind, with their types. */
export const BODIES: readonly (readonly [name: string, type: string, body: Body])[] = [
  ['JSON', 'application/json', JSON.stringify({ text: 'ümlaut ✓', deep: [1, { a: null }] })],
  ['form', 'application/x-www-form-urlencoded', 'a=1&a=2&text=%C3%BC+%26+x'],
  ['multipart', 'multipart/form-data; boundary=cut', MULTIPART],
  ['binary', 'application/octet-stream', BINARY],
  ['chunked', 'text/plain; charset=utf-8', ['one, ', 'ü', 'x'.repeat(100_000), BINARY]],
  ['empty', 'text/plain', ''],
]

function whole(body: Body): Buffer {
  const parts = typeof body === 'string' || body instanceof Uint8Array ? [body] : body
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

/** What the contract's app tells of a body. */
export function digest(body: Body): { readonly length: number; readonly sha256: string } {
  const bytes = whole(body)
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

const intact = (route: 'body' | 'attempt/body', when: string): HandlerCase[] =>
  BODIES.map(([name, type, body]) => ({
    id: `${route.replace('/', '-')}-${name.toLowerCase()}`,
    title: `a body arrives whole when it is replayed ${when}: ${name}`,
    async run(host) {
      const id = host.id()
      const headers = { 'content-type': type }
      const answer = await host.send('iad', `/${route}?id=${id}`, { method: 'POST', headers, body })
      expect(answer.json()).toEqual({ region: 'ewr', type, ...digest(body) })
      expect(await host.effects(id)).toEqual(['ewr'])
      expect(await wayOf(host, answer)).toEqual(['iad', 'ewr'])
    },
  }))

/** What Flyback replays at most, by default. */
const LIMIT = Buffer.alloc(1_000_000, 'abcdefgh')
const OVER = Buffer.concat([LIMIT, Buffer.from('!')])
const HALVES: Body = [OVER.subarray(0, 600_000), OVER.subarray(600_000)]
/** Of a known length, and chunked. */
export const OVER_LIMIT: readonly Body[] = [OVER, HALVES]
const TYPE = 'application/octet-stream'

const over = (name: string, route: string, body: Body): HandlerCase => ({
  id: `over-${name.replaceAll(' ', '-')}`,
  title: `rule 2: a body over the limit stays, and arrives whole: ${name}`,
  async run(host) {
    const id = host.id()
    const headers = { 'content-type': TYPE }
    const answer = await host.send('iad', `/${route}?id=${id}`, { method: 'POST', headers, body })
    expect(answer.json()).toEqual({ region: 'iad', type: TYPE, ...digest(OVER) })
    expect(await host.effects(id)).toEqual(['iad'])
    expect(await wayOf(host, answer)).toEqual(['iad'])
  },
})

const refused = (name: string, body: Body): HandlerCase => ({
  id: `refused-${name}`,
  title: `a body over the limit is answered with 413, by option: ${name}`,
  async run(host) {
    const id = host.id()
    const answer = await host.send('syd', `/body?id=${id}`, { method: 'POST', body })
    expect([answer.status, answer.header('cache-control')]).toEqual([413, 'no-store'])
    expect(await host.effects(id)).toEqual([])
  },
})

export const bodies: HandlerSection = {
  heading: 'Bodies',
  cases: [
    ...intact('body', 'before its handler'),
    ...intact('attempt/body', 'after its handler read it'),
    {
      id: 'limit',
      title: 'a body of the limit is replayed',
      async run(host) {
        const id = host.id()
        const body = [LIMIT.subarray(0, 1), LIMIT.subarray(1)]
        const answer = await host.send('iad', `/body?id=${id}`, { method: 'POST', body })
        expect(answer.json()).toMatchObject({ region: 'ewr', ...digest(LIMIT) })
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
    over('known length', 'body', OVER),
    over('chunked', 'body', HALVES),
    over('attempted and chunked', 'attempt/body', HALVES),
    refused('known', OVER),
    refused('chunked', HALVES),
  ],
}
