/**
 * Headers that belong to one connection and never pass a proxy.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 (and RFC 2616 13.5.1 for the older names)
 */
const names: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers a `Connection` header may not take away: the request would lose its meaning or its frame. */
const kept: ReadonlySet<string> = new Set(['host', 'content-length'])

/** Whether a header, in lower case, belongs to the connection whatever the message says. */
export function isHopByHop(name: string): boolean {
  return names.has(name)
}

/** The headers of a message that may travel on: without hop-by-hop ones and those its `Connection` header names. */
export function endToEndHeaders(headers: NodeJS.Dict<string[]>): Map<string, string[]> {
  const named = (headers['connection'] ?? [])
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase())
  const dropped = new Set(named.filter((token) => !kept.has(token)))
  const left = new Map<string, string[]>()
  for (const [name, values] of Object.entries(headers)) {
    if (values && !isHopByHop(name) && !dropped.has(name)) left.set(name, values)
  }
  return left
}
