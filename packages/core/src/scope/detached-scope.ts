import { detectDeployment } from '../deployment/detect-deployment.js'
import type { ScopeOptions } from './scope-options.js'
import { Scope } from './scope-state.js'

/** A scope for work that is in none: a job, a script. It cannot be replayed. */
export function detachedScope(
  options: Omit<ScopeOptions, 'role' | 'primaryRegion' | 'canReplay'>,
): Scope {
  // A pool may have an environment of its own, which is not asked here.
  const { role, primaryRegion } = detectDeployment(process.env)
  return new Scope({ role, primaryRegion, canReplay: false, ...options })
}
