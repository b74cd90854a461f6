import { rememberStale } from '../tokens/known-stale.js'
import { nowSeconds, type Position } from '../tokens/token.js'
import type { ConnectionSource } from './acquire-connection.js'
import type { Connection } from './connection.js'
import type { EndpointName } from './connection-facts.js'
import type { Link } from './link.js'
import type { Routing } from './routing.js'

/** Where the primary was at most `ageMs` ago; `null` when it does not say, or is none. */
export async function primaryPosition<C>(
  { router }: Routing,
  source: ConnectionSource<C>,
  ageMs: number,
): Promise<Position | null> {
  const ask = (): Promise<Position | undefined> =>
    withMember(source, 'writer', async (connection) => {
      const answer = await connection.askMember(!connection.proof.isOnTimeline)
      const { cluster, timeline } = connection.proof
      if (answer === undefined || answer.inRecovery || cluster === undefined) return undefined
      return { type: 'position', cluster, timeline, lsn: answer.lsn, issuedAt: nowSeconds() }
    })
  return (await router.beacon.within(ageMs, ask)) ?? null
}

/** Waits until a member of an endpoint may have what one of them lacks; resolves to `false` when that takes too long. */
export async function waitForMember<C>(
  { watcher, endpoint, settings }: Link,
  source: ConnectionSource<C>,
  lacked: Position | undefined,
  timeoutMs: number,
): Promise<boolean> {
  if (lacked === undefined) return true
  rememberStale(lacked.cluster, { watcher, maxFallbacks: settings.maxFallbacks })
  return await watcher.wait(lacked, timeoutMs, (wanted) =>
    withMember(source, endpoint, async (connection) => {
      await connection.awaitMember(wanted)
      const answer = await connection.askMember(false)
      return answer?.lsn
    }),
  )
}

/** Lends a connection for a question of ours. */
async function withMember<C, T>(
  source: ConnectionSource<C>,
  endpoint: EndpointName,
  ask: (connection: Connection) => Promise<T | undefined>,
): Promise<T | undefined> {
  const taken = await source.connect(endpoint)
  const connection = source.connectionOf(taken)
  try {
    return connection && (await ask(connection))
  } finally {
    source.release(taken, connection?.isUseless === true ? true : undefined)
  }
}
