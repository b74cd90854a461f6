import type { FlybackOptions } from '@flyback/core'
import type pg from 'pg'

/** pg's pool options, and Flyback's under `flyback`. */
export interface PoolConfig extends pg.PoolConfig {
  flyback?: FlybackOptions | undefined
}

/** pg's client options, and Flyback's under `flyback`. */
export interface ClientConfig extends pg.ClientConfig {
  flyback?: FlybackOptions | undefined
}
