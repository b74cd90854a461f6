import { ConfigurationError, detectDeployment, Scope } from '@flyback/core'
import { currentScope, runInScope } from '@flyback/core/scope'
import type { FlybackOptions } from '../options.js'

export interface FlybackScopeOptions extends Pick<FlybackOptions, 'env' | 'deployment'> {
  /**
   * `attempt`: reads run on the replica, and a write that it refuses runs on the primary. `forward`: all runs on the primary.
   *
   * @default 'attempt'
   */
  readonly policy?: 'attempt' | 'forward'
}

/**
 * A server action, a page, a layout or a `generateMetadata` that stays in its region: none of them has a status or a header
 * that could ask for a replay. Its writes run on the primary from here; a transaction that began on the replica cannot move,
 * and fails. In a request that Flyback serves already, as all are under `registerFlyback`, it changes nothing.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * 'use server'
 * export const save = withFlybackScope(async (form: FormData) => {
 *   await pool.query('insert into entry (message) values ($1)', [form.get('message')])
 * })
 */
export function withFlybackScope<A extends unknown[], T>(
  work: (...args: A) => T | PromiseLike<T>,
  options: FlybackScopeOptions = {},
): (...args: A) => Promise<T> {
  const { env = process.env, policy = 'attempt' } = options
  if (policy !== 'attempt' && policy !== 'forward') {
    throw new ConfigurationError('policy', "must be 'attempt' or 'forward'")
  }
  const { role, primaryRegion } = options.deployment ?? detectDeployment(env)
  return async function flybackWork(...args) {
    if (currentScope() !== undefined) return await work(...args)
    const forward = policy === 'forward'
    // Nothing here could carry a token.
    const scope = new Scope({ role, primaryRegion, canReplay: false, forward, captures: false })
    try {
      return await runInScope(scope, async () => await work(...args))
    } finally {
      scope.end()
    }
  }
}
