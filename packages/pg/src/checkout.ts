import { isPrimaryUnavailable, isReplayRequired, type Scope } from '@flyback/core'
import type { RoutedClient } from './routed-client.js'
import type { Session } from './session.js'

/**
 * Wraps the `release` that pg-pool gave a client for this checkout: a refusal does not cost the connection, a refused
 * transaction is ended before anyone else gets it, and a scope that ends in a replay can take the checkout back.
 */
export function bindCheckout(
  client: RoutedClient,
  session: Session,
  scope: Scope | undefined,
): RoutedClient {
  const give: RoutedClient['release'] = client.release
  let released = false
  session.lend(scope, () => {
    if (!released) release(true)
  })

  function release(error?: Error | boolean | null): void {
    if (released) {
      // A reclaimed handle is quietly dead; a plain double release is the caller's bug, as in pg.
      if (session.isReclaimed) return
      throw new Error('Release called on client which has already been released to the pool.')
    }
    released = true
    const refused = session.firstRefusal !== undefined || session.scope?.refusal !== undefined
    session.giveBack()
    const ours = isReplayRequired(error) || isPrimaryUnavailable(error)
    if (error && !ours) give(error)
    else if (session.mustGo()) give(true)
    else if (refused && (session.busy || session.status !== 'I')) {
      void tidy(client, session).then((clean) => give(clean ? undefined : true))
    } else give(ours ? undefined : error)
  }
  client.release = release
  return client
}

/** Ends the transaction a refusal left open. A scope that was refused sends nothing more, so its ROLLBACK never came. */
async function tidy(client: RoutedClient, session: Session): Promise<boolean> {
  if (!(await session.idle()) || session.lost) return false
  if (session.status === 'I') return true
  return await client.rollback()
}
