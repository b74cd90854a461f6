import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ConnectionVerdict,
  type EndpointName,
  type Hint,
  PrimaryUnavailable,
  type Router,
  type Scope,
  unknownFacts,
} from '@flyback/core'
import { bindCheckout } from './checkout.js'
import type { Settings } from './plan-connections.js'
import { connectFailures, type RoutedClient } from './routed-client.js'
import { sessionOf } from './session.js'

const STANDBY_RETRY_MS = 50

/** Who asks for a client, and what for. */
export interface Ask {
  readonly scope: Scope | undefined
  readonly endpoint: EndpointName
  readonly hint: Hint
  /** How often the same work was sent before. */
  readonly attempt: number
}

/** Takes a connection that may serve, from the endpoint asked for or where the tables send it. */
export async function acquireClient(
  router: Router,
  settings: Settings,
  connect: (endpoint: EndpointName) => Promise<RoutedClient>,
  { scope, endpoint: asked, hint, attempt }: Ask,
): Promise<RoutedClient> {
  const deadlineMs = performance.now() + settings.writerDeadlineMs
  for (let endpoint = asked, failures = attempt; ; ) {
    let client: RoutedClient
    try {
      client = await connect(endpoint)
    } catch (error) {
      const remedy = router.judge(scope, {
        endpoint,
        facts: unknownFacts(),
        firstRefusal: undefined,
        retryable: true,
        attempt: failures++,
        connectionLost: neverConnected(error),
        error,
      })
      if (remedy.type === 'throw') throw remedy.error
      endpoint = remedy.on
      continue
    }
    const session = sessionOf(client)
    if (session === undefined) return client
    const outdated = session.epoch !== session.link.epoch
    const connection = { endpoint, facts: session.facts, outdated }
    const verdict = admit(client, () => router.admit(scope, connection))
    if (verdict.outcome === 'serve') return bindCheckout(client, session, scope)
    if (verdict.outcome === 'writer') {
      client.release()
      endpoint = router.choose(scope, hint)
      continue
    }
    client.release(true)
    if (verdict.because !== 'standby') continue
    if (performance.now() >= deadlineMs) throw new PrimaryUnavailable({ reason: 'standby' })
    await sleep(STANDBY_RETRY_MS)
  }
}

/** Asks the table about a client just taken; one that may not serve this scope goes back unused. */
function admit<T extends ConnectionVerdict>(client: RoutedClient, ask: () => T): T {
  try {
    return ask()
  } catch (refusal) {
    client.release()
    throw refusal
  }
}

/** No connection was opened, and no server said why (an answer such as "password failed" has a severity). */
function neverConnected(error: unknown): boolean {
  const cause: unknown = Reflect.get(Object(error), 'cause')
  return [error, cause].some(
    (link) =>
      typeof link === 'object' &&
      link !== null &&
      connectFailures.has(link) &&
      typeof Reflect.get(link, 'severity') !== 'string',
  )
}
