import { locateDatabase } from '@flyback/core'
import type { PoolConfig } from '@flyback/pg'
import type pg from 'pg'

/** The options as pg itself would take them, with `DATABASE_URL` where they say nothing. */
export function plainConfig({ flyback, ...rest }: PoolConfig): pg.PoolConfig {
  const source = locateDatabase(
    { ...rest, url: rest.connectionString },
    flyback?.env ?? process.env,
  )
  return source.type === 'url' ? { ...rest, connectionString: source.url } : rest
}
