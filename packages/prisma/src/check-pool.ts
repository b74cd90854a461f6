import { ConfigurationError, detectDeployment, hasRouting } from '@flyback/core'
import type { PoolConfig } from '@flyback/pg'
import type pg from 'pg'

/** Whether the argument is a pool, of whichever copy of pg. */
export function isPool(given: pg.Pool | PoolConfig): given is pg.Pool {
  return typeof Reflect.get(given, 'connect') === 'function'
}

/**
 * Whether adapter-pg runs on the pool it was given, and the pool takes part.
 *
 * @throws ConfigurationError when not
 */
export function checkTaken(pool: pg.Pool, taken: pg.Pool): void {
  if (taken !== pool) {
    throw new ConfigurationError(
      'pool',
      'is of another copy of pg than @prisma/adapter-pg imports: pass its options instead, or make it with createPoolClass() of that copy',
    )
  }
  if (!hasRouting(pool) && detectDeployment(process.env).role === 'replica') {
    throw new ConfigurationError(
      'pool',
      "reaches one endpoint only, and this is a replica region: pass its options, or a Pool of @flyback/pg; PrismaPg takes pg's own as it is",
    )
  }
}
