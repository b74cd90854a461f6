import { detectDeployment } from '../deployment/detect-deployment.js'
import { tellRefusal } from '../diagnostics/tell-refusal.js'
import { ReplayRequired } from '../errors/replay-required.js'
import { detachedScope } from './detached-scope.js'
import { currentScope, runInScope } from './scope-store.js'

export interface RunOnPrimaryOptions {
  /**
   * What to do when the scope could be replayed and has already read the replica: the work would decide on rows that
   * may be stale. `replay` throws {@link ReplayRequired}; `forward` goes on here, with mixed reads.
   *
   * @default 'replay'
   */
  readonly afterReplicaReads?: 'replay' | 'forward'
}

/**
 * Runs work in this region with all its statements, reads included, on the primary over the writer endpoint.
 *
 * The scope is `forwarding` from then on and is never replayed. Without a scope the work gets one of its own. In the
 * primary region it just runs.
 *
 * @throws {@link ReplayRequired} when the scope was already refused, or has read the replica (see the option); nothing
 * of `fn` has run then
 *
 * @example
 * await runOnPrimary(() => pool.query('insert into audit (what) values ($1)', ['login']))
 */
export async function runOnPrimary<T>(
  fn: () => T | PromiseLike<T>,
  options: RunOnPrimaryOptions = {},
): Promise<T> {
  const { afterReplicaReads = 'replay' } = options
  const scope = currentScope()
  // Queries of most libraries are lazy: they are sent when they are awaited, which must be inside.
  if (scope === undefined)
    return await runInScope(detachedScope({ forward: true }), async () => await fn())
  if (scope.refusal !== undefined) throw scope.refusal
  if (scope.role === 'replica' && scope.primaryRegion !== undefined) {
    if (scope.replayable && scope.usedReplica && afterReplicaReads === 'replay') {
      throw scope.refuse(scope.primaryRegion, 'mixed-reads')
    }
    scope.forwardAll()
  }
  return await fn()
}

/**
 * Says that what follows belongs in the primary region, before any side effect happens. Does nothing in the roles
 * `primary` and `single`, and in a scope that forwards already. A scope that could not be replayed from its start (there
 * is no replay platform) forwards from then on.
 *
 * @throws {@link ReplayRequired} in a replica region
 */
export function requirePrimary(): void {
  const scope = currentScope()
  if (scope === undefined) {
    const { role, primaryRegion } = detectDeployment(process.env)
    if (role !== 'replica' || primaryRegion === undefined) return
    const refusal = { region: primaryRegion, reason: 'required', replayable: true } as const
    tellRefusal(refusal, undefined)
    throw new ReplayRequired(refusal)
  }
  if (scope.role !== 'replica' || scope.primaryRegion === undefined || scope.state === 'forwarding')
    return
  if (scope.staysHere) scope.forwardAll()
  else throw scope.refuse(scope.primaryRegion, 'required')
}
