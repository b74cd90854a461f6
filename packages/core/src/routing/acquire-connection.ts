import { tellPrimaryUnavailable } from '../diagnostics/tell-primary-unavailable.js'
import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import type { Scope } from '../scope/scope-state.js'
import type { Position } from '../tokens/token.js'
import type { Hint } from './choose-endpoint.js'
import type { Connection } from './connection.js'
import { type EndpointName, unknownFacts } from './connection-facts.js'
import { primaryPosition, waitForMember } from './member-questions.js'
import type { Router } from './router.js'
import type { Routing } from './routing.js'

const STANDBY_RETRY_MS = 50

/** Who asks for a connection, and what for. */
export interface Ask {
  readonly scope: Scope | undefined
  readonly endpoint: EndpointName
  readonly hint: Hint
  /** How often the same work was sent before. */
  readonly attempt: number
}

/** How a driver takes connections out of its pools, and gives them back. */
export interface ConnectionSource<C> {
  connect(endpoint: EndpointName): Promise<C>
  /** What is known of a connection; `undefined` when it takes no part in routing. */
  connectionOf(connection: C): Connection | undefined
  release(connection: C, destroy?: true): void
  /** Whether an error of `connect` means that no connection was opened, and no server said why. */
  neverConnected(error: unknown): boolean
}

/** Takes a connection that may serve, from the endpoint asked for or where the tables send it. */
export async function acquireConnection<C>(
  routing: Routing,
  source: ConnectionSource<C>,
  ask: Ask,
): Promise<C> {
  const isConnected = ask.scope?.follow({ pending: true })
  try {
    return await acquire(routing, source, ask)
  } catch (error) {
    tellPrimaryUnavailable(error, ask.scope?.request)
    throw error
  } finally {
    isConnected?.()
  }
}

async function acquire<C>(
  routing: Routing,
  source: ConnectionSource<C>,
  { scope, endpoint: asked, hint, attempt }: Ask,
): Promise<C> {
  const { router, settings } = routing
  const beganMs = performance.now()
  let endpoint = asked
  let failures = attempt

  /** Where to go on after a failure; throws what its caller gets otherwise. */
  function elsewhere(error: unknown, connectionLost: boolean): EndpointName {
    const remedy = router.judge(scope, {
      endpoint,
      facts: unknownFacts(),
      firstRefusal: undefined,
      retryable: true,
      attempt: failures++,
      connectionLost,
      error,
    })
    if (remedy.type === 'throw') throw remedy.error
    return remedy.on
  }

  for (;;) {
    const withinMs = endpoint === 'replica' ? scope?.consistency.withinMs : undefined
    // Without a wait where none is needed: a driver takes its connection at once.
    const floor =
      withinMs === undefined ? undefined : await primaryPosition(routing, source, withinMs)
    let taken: C
    try {
      taken = await source.connect(endpoint)
    } catch (error) {
      endpoint = elsewhere(error, source.neverConnected(error))
      continue
    }
    const connection = source.connectionOf(taken)
    if (connection === undefined) return taken
    let verdict: ReturnType<Router['admit']>
    try {
      verdict = await admit(connection, scope, floor)
    } catch (error) {
      source.release(taken, connection.isUseless || undefined)
      if (!connection.isUseless) throw error
      endpoint = elsewhere(error, true)
      continue
    }
    switch (verdict.outcome) {
      case 'serve':
        return taken
      case 'writer':
        source.release(taken)
        endpoint = router.choose(scope, hint)
        break
      case 'ask':
      case 'stale':
        source.release(taken)
        endpoint = router.leaveStale(scope)
        break
      case 'wait': {
        const lacked = connection.lackedBy(scope, floor)
        source.release(taken)
        const leftMs = beganMs + settings.maxWaitMs - performance.now()
        const isThere = await waitForMember(connection.link, source, lacked, leftMs)
        if (!isThere) endpoint = router.leaveStale(scope)
        break
      }
      case 'retire':
        source.release(taken, true)
        if (verdict.because === 'outdated') break
        if (performance.now() >= beganMs + settings.writerDeadlineMs) {
          throw new PrimaryUnavailable({ reason: 'standby' })
        }
        await new Promise((resolve) => setTimeout(resolve, STANDBY_RETRY_MS))
    }
  }
}

/** Whether a connection may serve; asks its member first when that depends on where it is. */
async function admit(
  connection: Connection,
  scope: Scope | undefined,
  floor: Position | null | undefined,
): Promise<ReturnType<Router['admit']>> {
  const { facts, outdated, link } = connection
  const { router, endpoint } = link
  const judge = (asked: boolean, isPrimary = false): ReturnType<Router['admit']> => {
    const freshness = connection.freshness(scope, asked, floor, isPrimary)
    return router.admit(scope, { endpoint, facts, outdated, freshness })
  }
  const verdict = judge(false)
  if (verdict.outcome !== 'ask') return verdict
  const answer = await connection.askMember(connection.lacksIdentity(scope, floor))
  return judge(true, answer?.inRecovery === false)
}
