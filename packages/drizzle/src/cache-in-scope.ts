import type { Routing } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { override } from './override.js'

/**
 * A user's cache as Drizzle's session gets it. What it holds may have been read from a replica: it answers nothing to a
 * scope that reads on the primary (rule 12), nor to `$primary`, and is filled with what the primary answers instead.
 */
export function cacheInScope<C extends object>(cache: C, { router, hint }: Routing): C {
  return override(cache, {
    async get(...args: never[]): Promise<unknown> {
      const scope = currentScope()
      const mustAsk = (): boolean => hint === 'primary' || router.isBehind(scope, 'replica')
      if (mustAsk()) return undefined
      const get: unknown = Reflect.get(cache, 'get')
      const rows: unknown =
        typeof get === 'function' ? await Reflect.apply(get, cache, args) : undefined
      if (mustAsk()) return undefined
      // What follows may rest on a row of the past, as after a read of the replica itself.
      if (rows !== undefined && router.role === 'replica') router.enter(scope, 'replica')
      return rows
    },
  })
}
