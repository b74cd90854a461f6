import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Sent } from '../send.js'

type Body = NonNullable<Sent['body']>

const BINARY = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 31 + (at >> 8)) % 256)
const MULTIPART = [
  '--cut\r\ncontent-disposition: form-data; name="title"\r\n\r\nä ✓\r\n',
  '--cut\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n',
  'content-type: application/octet-stream\r\n\r\n\u0000\u0001\r\n--cut--\r\n',
].join('')

const BODIES: readonly (readonly [name: string, type: string, body: Body])[] = [
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

const intact = (route: 'body' | 'attempt/body', when: string): HandlerCase[] =>
  BODIES.map(([name, type, body]) => ({
    id: `${route.replace('/', '-')}-${name.toLowerCase()}`,
    title: `a body arrives whole when it is replayed ${when}: ${name}`,
    async run(host) {
      const id = host.id()
      const headers = { 'content-type': type }
      const answer = await host.send('iad', `/${route}?id=${id}`, { method: 'POST', headers, body })
      const bytes = whole(body)
      expect(answer.json()).toEqual({
        region: 'ewr',
        type,
        length: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })
      expect(await host.effects(id)).toEqual(['ewr'])
      expect(await host.hops(answer)).toHaveLength(2)
    },
  }))

export const bodies: HandlerSection = {
  heading: 'A body arrives whole',
  cases: [
    ...intact('body', 'before its handler'),
    ...intact('attempt/body', 'after its handler read it'),
  ],
}
