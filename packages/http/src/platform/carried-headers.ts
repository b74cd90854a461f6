import type { CarriedRequest } from './replay-platform.js'

type Pairs = Iterable<readonly [name: string, value: string]>

/**
 * Headers that belong to one connection and never pass a proxy.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 (and RFC 2616 13.5.1 for the older names; read 2026-11-25)
 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What is set anew. This process has already answered `expect`. */
const OWN = ['host', 'content-length', 'expect']

/** The headers of a message that travel on: none of the connection's, and none that its `connection` header names. */
export function* endToEnd(headers: Pairs): Generator<[name: string, value: string]> {
  const pairs = [...headers].map(([name, value]): [string, string] => [name.toLowerCase(), value])
  const named = pairs.flatMap(([name, value]) => (name === 'connection' ? value.split(',') : []))
  const dropped = new Set([...HOP_BY_HOP, ...named.map((name) => name.trim().toLowerCase())])
  for (const pair of pairs) if (!dropped.has(pair[0])) yield pair
}

/**
 * The headers of a carried request. What a proxy in front of this process said of the client is kept; the address that
 * connected to us is added to `x-forwarded-for`, as every proxy does.
 */
export function carriedHeaders(
  { headers, body, scheme, peer }: CarriedRequest,
  marks: Readonly<Record<string, string>>,
): Record<string, string> {
  const received = [...headers]
  const host = received.find(([name]) => name === 'host')?.[1]
  const { 'x-forwarded-for': chain, ...kept } = Object.fromEntries(endToEnd(received))
  for (const name of OWN) delete kept[name]
  const length = body?.reduce((bytes, chunk) => bytes + chunk.byteLength, 0)
  const addresses = [chain, peer].filter((address) => address !== undefined)
  return {
    'x-forwarded-proto': scheme,
    ...(host !== undefined && { 'x-forwarded-host': host }),
    ...kept,
    ...(addresses.length > 0 && { 'x-forwarded-for': addresses.join(', ') }),
    ...(length !== undefined && { 'content-length': String(length) }),
    ...marks,
  }
}
