import type { Delivery, EdgeState, Exchange } from './exchange.js'
import { endToEndHeaders } from './hop-by-hop.js'
import type { Machine } from './machine-table.js'

/**
 * Headers only the proxy writes when a request was replayed. From a client they are a forgery.
 *
 * @see docs/lab-edge-rules.md; whether Fly strips them is not documented: `switches.stripReplaySource`
 */
const replayHeaders = [
  'fly-replay-src',
  'fly-replay-failed',
  'fly-replay-cache-status',
  'fly-preferred-instance-unavailable',
] as const

/**
 * The headers of a request as the machine gets it.
 *
 * In this order: what the client sent, without what belongs to its connection; what a replay changes; what the proxy adds
 * (always its own value, except that X-Forwarded-For and Via grow and a client's X-Forwarded-Port stays); the framing.
 * `Expect` ends here: the edge has answered it.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/request-headers/
 */
export function requestHeaders(
  { settings, port }: EdgeState,
  { id, request, upgrade }: Exchange,
  delivery: Delivery,
  machine: Machine,
): Record<string, string[]> {
  const headers = endToEndHeaders(request.headersDistinct)
  const set = (name: string, value: string): void => void headers.set(name, [value])
  const append = (name: string, ...values: string[]): void =>
    set(name, [...(headers.get(name) ?? []), ...values].join(', '))

  headers.delete('expect')
  if (settings.switches.stripReplaySource) {
    for (const name of replayHeaders) headers.delete(name)
  }
  for (const name of delivery.transform?.deleteHeaders ?? []) headers.delete(name)
  for (const [name, value] of delivery.transform?.setHeaders ?? []) set(name, value)

  const clientAddress = plainAddress(request.socket.remoteAddress)
  set('fly-client-ip', clientAddress)
  set('fly-region', settings.region)
  set('fly-forwarded-port', String(port()))
  set('fly-request-id', `${id}-${settings.region}`)
  // Rightmost on Fly: the app's own address.
  append('x-forwarded-for', clientAddress, plainAddress(request.socket.localAddress))
  set('x-forwarded-proto', settings.protocol)
  set('x-forwarded-ssl', settings.protocol === 'https' ? 'on' : 'off')
  if (!headers.has('x-forwarded-port')) set('x-forwarded-port', String(port()))
  append('via', `${request.httpVersion} fly.io`)

  if (delivery.source !== undefined) set('fly-replay-src', delivery.source)
  if (delivery.failed !== undefined) set('fly-replay-failed', delivery.failed)
  if (delivery.cacheStatus) set('fly-replay-cache-status', delivery.cacheStatus)
  const { preferInstance } = delivery.target
  if (preferInstance !== undefined && preferInstance !== machine.id) {
    set('fly-preferred-instance-unavailable', preferInstance)
  }

  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  headers.delete('content-length')
  if (upgrade) {
    set('connection', 'upgrade')
    set('upgrade', request.headers.upgrade ?? '')
  } else {
    // Kept open, so that a machine may answer before it has read the body; the edge closes it after the answer.
    set('connection', 'keep-alive')
    if (coding !== undefined) set('transfer-encoding', 'chunked')
    else if (length !== undefined) set('content-length', length)
  }
  return Object.fromEntries(headers)
}

/**
 * The headers of a machine's answer as the client gets it: nothing of its connection, no `fly-replay*`, plus Via and
 * Fly-Request-Id.
 *
 * @see docs/lab-edge-rules.md
 */
export function responseHeaders(
  { settings }: EdgeState,
  { id, cookies }: Exchange,
  answer: NodeJS.Dict<string[]>,
): Record<string, string[]> {
  const headers = endToEndHeaders(answer)
  for (const name of headers.keys()) {
    if (name.startsWith('fly-replay')) headers.delete(name)
  }
  headers.set('via', [[...(headers.get('via') ?? []), '1.1 fly.io'].join(', ')])
  if (!settings.pristine) headers.set('fly-request-id', [`${id}-${settings.region}`])
  if (cookies.length > 0) {
    headers.set('set-cookie', [...cookies, ...(headers.get('set-cookie') ?? [])])
  }
  return Object.fromEntries(headers)
}

/** IPv4 as such, also where the listener is dual-stack. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
