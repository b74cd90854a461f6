import type { Duplex } from 'node:stream'
import { fallbackDelivery, firstDelivery, replayDelivery } from './deliveries.js'
import { EdgeError } from './edge-error.js'
import type { EdgeHop } from './edge-record.js'
import type { Delivery, EdgeState, Exchange } from './exchange.js'
import type { Machine } from './machine-table.js'
import { passResponse, passTunnel } from './pass-answer.js'
import { requestHeaders } from './proxy-headers.js'
import { type Reached, reachMachine, type Unreached } from './reach-machine.js'
import { isCacheable, readReplay } from './read-replay.js'
import { describeReplay, type Replay } from './replay.js'
import { resolveReplay } from './resolve-replay.js'
import { type Answer, sendRequest } from './send-request.js'

/** @see docs/lab-edge-rules.md (PA02) */
const maxReplays = 10
const quietMethods: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS'])

/**
 * Takes one request to the machine that answers it, following replays. Resolves when the client has the whole answer.
 *
 * @throws EdgeError when the edge has to answer itself; other errors when the answer broke after it had begun.
 */
export async function routeRequest(edge: EdgeState, exchange: Exchange): Promise<void> {
  let delivery = firstDelivery(edge, exchange, true)
  for (let replays = 0; ; ) {
    const startedMs = edge.settings.clock.nowMs()
    const reached = await reachMachine(edge, delivery, exchange.signal)
    if ('unreached' in reached) {
      exchange.hops.push(unreachedHop(delivery, reached))
      delivery = afterFailure(edge, exchange, delivery, reached)
      continue
    }
    const { machine, connection } = reached
    const hop = (status?: number): EdgeHop => ({
      machine: machine.id,
      region: machine.region,
      ...(status !== undefined && { status }),
      ...marks(delivery),
      durationMs: edge.settings.clock.nowMs() - startedMs,
    })
    const release = occupy(edge, exchange, reached)
    try {
      const answer = await send(edge, exchange, delivery, reached).catch((error: unknown) => {
        exchange.hops.push(hop())
        exchange.signal.throwIfAborted()
        // Once a connection was open there is no second try and no fallback: the machine may have acted.
        throw new EdgeError('PU02', undefined, { cause: error })
      })
      const { response, tunnel } = answer
      exchange.hops.push(hop(response.statusCode))
      if (tunnel) {
        if (!exchange.upgrade) throw new EdgeError('PU02', 'it switched protocols unasked')
        return await passTunnel(edge, exchange, { response, tunnel })
      }
      const replay = mayReplay(edge, exchange)
        ? await readReplay(response, edge.settings.switches)
        : undefined
      if (!replay) return await passResponse(edge, exchange, response)
      noteReplay(exchange, replay)
      if (edge.settings.switches.keepReplayCookies) {
        exchange.cookies.push(...(response.headers['set-cookie'] ?? []))
      }
      replays += 1
      if (delivery.failed !== undefined)
        throw new EdgeError('PA03', 'a fallback may not be replayed')
      if (replays > maxReplays) throw new EdgeError('PA02')
      if ('invalid' in replay) throw new EdgeError('PA03', replay.invalid)
      delivery = followReplay(edge, exchange, { machine, delivery }, replay)
    } finally {
      release()
      connection.destroy()
    }
    if (!(await exchange.body.complete())) throw new EdgeError('PA01')
  }
}

function mayReplay({ settings }: EdgeState, { request }: Exchange): boolean {
  return settings.switches.replayHeadAndOptions || !quietMethods.has(request.method ?? '')
}

function followReplay(
  edge: EdgeState,
  exchange: Exchange,
  from: { machine: Required<Machine>; delivery: Delivery },
  replay: Replay,
): Delivery {
  const { cache, settings } = edge
  const target = resolveReplay(settings, from.machine, replay)
  const order = replay.cache
  if (order?.kind === 'invalidate') {
    cache.invalidate(exchange.cacheKey)
  } else if (order) {
    const entry = { target, allowBypass: order.allowBypass }
    if (!cache.storePath(exchange.cacheKey, order.pattern, order.ttlSeconds, entry)) {
      throw new EdgeError('PA03', 'its cache does not match the request, or is under 10 seconds')
    }
  } else {
    const rule = cache.sessionRule(exchange.cacheKey)
    const keeps = isCacheable(replay) || settings.switches.uncacheableSession === 'cache-target'
    if (rule && keeps) cache.storeSession(exchange.cacheKey, rule, target)
  }
  return replayDelivery(edge, exchange, from, replay, target)
}

/** A cached replay that cannot be followed asks the app again; a replay with a fallback goes back; the rest is an error. */
function afterFailure(
  edge: EdgeState,
  exchange: Exchange,
  delivery: Delivery,
  why: Unreached,
): Delivery {
  if (delivery.cacheStatus === 'hit') return firstDelivery(edge, exchange, false)
  const back = fallbackDelivery(delivery, why)
  if (back) return back
  if (why.unreached === 'no_candidate') throw new EdgeError('PR04')
  throw new EdgeError('PR03', why.unreached === 'timeout' ? 'it took too long' : undefined)
}

async function send(
  edge: EdgeState,
  exchange: Exchange,
  delivery: Delivery,
  { machine, connection }: Reached,
): Promise<Answer> {
  const { request, body, upgrade } = exchange
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
  const hasBody = !upgrade && (coding !== undefined || length !== '0')
  return await sendRequest(connection, {
    method: request.method ?? 'GET',
    path: delivery.path,
    headers: requestHeaders(edge, exchange, delivery, machine),
    ...(hasBody && { body }),
  })
}

/** Counts the request as load of its machine, and ties the connection to the client's staying. */
function occupy(
  { load }: EdgeState,
  { signal }: Exchange,
  { machine, connection }: Reached,
): () => void {
  const add = (count: number): unknown => load.set(machine.id, (load.get(machine.id) ?? 0) + count)
  const leave = (): Duplex => connection.destroy()
  add(1)
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  return () => {
    add(-1)
    signal.removeEventListener('abort', leave)
  }
}

function marks({ cacheStatus, failed }: Delivery): Pick<EdgeHop, 'cache' | 'fallback'> {
  return {
    ...(cacheStatus && { cache: cacheStatus }),
    ...(failed !== undefined && { fallback: true }),
  }
}

function unreachedHop(delivery: Delivery, { machine, unreached, elapsedMs }: Unreached): EdgeHop {
  return {
    ...(machine && { machine: machine.id, region: machine.region }),
    ...marks(delivery),
    unreached,
    durationMs: elapsedMs,
  }
}

function noteReplay({ hops }: Exchange, replay: Replay | { invalid: string }): void {
  const hop = hops.pop()
  if (!hop) return
  const to = 'invalid' in replay ? '' : describeReplay(replay)
  const state = 'invalid' in replay ? undefined : replay.state
  hops.push({ ...hop, replay: { to, ...(state !== undefined && { state }) } })
}
