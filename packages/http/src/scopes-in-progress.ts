import { processWide, type Scope } from '@flyback/core'

/**
 * Scopes of requests in progress. A scope of other work (a job that started the server) is not one of them. Of the whole process:
 * Next bundles this package once for the server and once for each route.
 */
export function scopesInProgress(): WeakSet<Scope> {
  return processWide('scopes-in-progress', WeakSet<Scope>)
}
