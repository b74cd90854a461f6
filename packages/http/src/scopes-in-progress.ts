import type { Scope } from '@flyback/core'

const IN_PROGRESS: symbol = Symbol.for('flyback.scopes-in-progress')

/**
 * Scopes of requests in progress. A scope of other work (a job that started the server) is not one of them. Under a global
 * symbol, as the store of scopes is: Next bundles this package once for the server and once for each route.
 */
export function scopesInProgress(): WeakSet<Scope> {
  const existing: unknown = Reflect.get(globalThis, IN_PROGRESS)
  if (existing instanceof WeakSet) return existing
  const created = new WeakSet<Scope>()
  Reflect.set(globalThis, IN_PROGRESS, created)
  return created
}
