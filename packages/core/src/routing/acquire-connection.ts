import { tellPrimaryUnavailable } from '../diagnostics/tell-primary-unavailable.js'
import { PrimaryUnavailable } from '../errors/primary-unavailable.js'
import type { Scope } from '../scope/scope-state.js'
import type { Hint } from './choose-endpoint.js'
import type { Connection } from './connection.js'
import { type EndpointName, unknownFacts } from './connection-facts.js'
import type { ConnectionVerdict } from './judge-connection.js'
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
  } finally {
    isConnected?.()
  }
}

async function acquire<C>(
  { router, settings }: Routing,
  source: ConnectionSource<C>,
  { scope, endpoint: asked, hint, attempt }: Ask,
): Promise<C> {
  const deadlineMs = performance.now() + settings.writerDeadlineMs
  for (let endpoint = asked, failures = attempt; ; ) {
    let taken: C
    try {
      taken = await source.connect(endpoint)
    } catch (error) {
      const remedy = router.judge(scope, {
        endpoint,
        facts: unknownFacts(),
        firstRefusal: undefined,
        retryable: true,
        attempt: failures++,
        connectionLost: source.neverConnected(error),
        error,
      })
      if (remedy.type === 'throw') {
        tellPrimaryUnavailable(remedy.error, scope?.request)
        throw remedy.error
      }
      endpoint = remedy.on
      continue
    }
    const connection = source.connectionOf(taken)
    if (connection === undefined) return taken
    const { facts, outdated } = connection
    let verdict: ConnectionVerdict
    try {
      verdict = router.admit(scope, { endpoint, facts, outdated })
    } catch (refusal) {
      source.release(taken)
      throw refusal
    }
    if (verdict.outcome === 'serve') return taken
    if (verdict.outcome === 'writer') {
      source.release(taken)
      endpoint = router.choose(scope, hint)
      continue
    }
    source.release(taken, true)
    if (verdict.outcome !== 'retire' || verdict.because !== 'standby') continue
    if (performance.now() >= deadlineMs) {
      const unavailable = new PrimaryUnavailable({ reason: 'standby' })
      tellPrimaryUnavailable(unavailable, scope?.request)
      throw unavailable
    }
    await new Promise((resolve) => setTimeout(resolve, STANDBY_RETRY_MS))
  }
}
