import type { Routing } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { override } from './override.js'

/**
 * A user's cache as Drizzle's session gets it. What it holds may have been read from a replica: it answers nothing to a
 * scope that reads on the primary (rule 12), nor to `$primary`, and is filled with what the primary answers instead.
 */
export function cacheInScope<C extends object>(
  cache: C,
  { router }: Routing,
  onPrimary: boolean,
): C {
  return override(cache, {
    async get(...args: never[]): Promise<unknown> {
      if (onPrimary || router.isBehind(currentScope(), 'replica')) return undefined
      const get: unknown = Reflect.get(cache, 'get')
      return typeof get === 'function' ? await Reflect.apply(get, cache, args) : undefined
    },
  })
}
