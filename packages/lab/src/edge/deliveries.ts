import type { Target } from './choose-machines.js'
import type { Delivery, EdgeState, Exchange } from './exchange.js'
import type { Machine } from './machine-table.js'
import type { Unreached } from './reach-machine.js'
import type { Replay } from './replay.js'

/**
 * How a client's request is first delivered: by the replay cache, or to the nearest machine of the app within the client's
 * own routing headers. A cached replay counts for more than those headers (not documented).
 *
 * @see docs/lab-edge-rules.md
 */
export function firstDelivery(edge: EdgeState, exchange: Exchange, useCache: boolean): Delivery {
  const { request, cacheKey } = exchange
  const path = request.url ?? '/'
  const target = clientTarget(edge.settings.app, request.headersDistinct)
  const cached = useCache ? edge.cache.find(cacheKey) : undefined
  if (!cached) return { path, target }
  const skips = request.headers['fly-replay-cache-control'] === 'skip'
  if (skips && cached.allowBypass) return { path, target, bypassed: true }
  return { path, target: cached.target, cacheStatus: 'hit' }
}

/**
 * The delivery a replay asks for: the client's original request, with the changes of this replay alone.
 *
 * @see docs/lab-edge-rules.md
 */
export function replayDelivery(
  { settings: { clock } }: EdgeState,
  { request }: Exchange,
  from: { machine: Required<Machine>; delivery: Delivery },
  replay: Replay,
  target: Target,
): Delivery {
  const { machine, delivery } = from
  const { state, timeoutMs, fallback, transform } = replay
  const atMicros = Math.round(clock.nowMs() * 1000)
  const source = [`instance=${machine.id}`, `region=${machine.region}`, `t=${atMicros}`]
  if (state !== undefined) source.push(`state=${state}`)
  return {
    target,
    path: transform?.path ?? request.url ?? '/',
    source: source.join(';'),
    cacheStatus: delivery.bypassed ? 'bypass' : 'miss',
    origin: from,
    ...(delivery.bypassed && { bypassed: delivery.bypassed }),
    ...(transform && { transform }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(fallback && { fallback }),
  }
}

/**
 * The delivery back to the machine whose replay failed: the request as it had reached that machine, and why.
 * Nothing if the replay named no fallback.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-timeout-and-fallback
 */
export function fallbackDelivery(failed: Delivery, why: Unreached): Delivery | undefined {
  const { origin, fallback, target } = failed
  if (!origin || !fallback) return undefined
  const { machine } = origin
  const { timeoutMs: _, fallback: __, origin: ___, ...before } = origin.delivery
  const instance = why.machine?.id ?? target.instance ?? target.preferInstance
  const region = why.machine?.region ?? target.regions?.join(',')
  const fields = [
    ...(instance === undefined ? [] : [`instance=${instance}`]),
    `app=${target.app}`,
    ...(region === undefined ? [] : [`region=${region}`]),
    `replay_source=${machine.id}`,
    `reason=${why.unreached}`,
    `elapsed_ms=${Math.round(why.elapsedMs)}`,
  ]
  const back: Target =
    fallback === 'force_self'
      ? { app: machine.app, instance: machine.id }
      : { app: machine.app, preferInstance: machine.id }
  return { ...before, target: back, failed: fields.join(';') }
}

const nameList = /^[a-z0-9, \t]{2,256}$/
const name = /^[A-Za-z0-9_-]{1,64}$/

/** What a client may ask for itself. Values outside their form are ignored. @see docs/lab-edge-rules.md */
function clientTarget(app: string, headers: NodeJS.Dict<string[]>): Target {
  const list = (header: string): string[] | undefined => {
    const value = headers[header]?.join(',')
    return value !== undefined && nameList.test(value)
      ? value.split(',').map((part) => part.trim())
      : undefined
  }
  const one = (header: string): string | undefined =>
    headers[header]?.find((value) => name.test(value))
  const forced = list('fly-force-region')
  const preferred = list('fly-prefer-region')
  const regions = forced ?? (preferred && [...preferred, 'any'])
  const instance = one('fly-force-instance-id')
  const preferInstance = one('fly-prefer-instance-id')
  return {
    app,
    ...(regions && { regions }),
    ...(instance !== undefined && { instance }),
    ...(instance === undefined && preferInstance !== undefined && { preferInstance }),
  }
}
