import pg from 'pg'
import { createPoolClass, type PoolConstructor } from './create-pool-class.js'

/** A pg.Pool that reads from the replica beside it. Everything pg.Pool has, and `primary`. */
export interface Pool extends pg.Pool {
  /**
   * The same pool on the writer endpoint. Using it in a replica region makes the scope `forwarding`.
   * In the primary region, and with no regions known, it is the pool itself.
   */
  readonly primary: pg.Pool
}

/** A drop-in for pg's Pool: reads on the replica beside it, refused writes as ReplayRequired. */
export const Pool: PoolConstructor = createPoolClass(pg)
