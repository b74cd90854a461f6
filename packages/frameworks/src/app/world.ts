import type { Pool } from '@flyback/pg'

/** What the routes of one process share. */
export interface World {
  readonly pool: Pool
  /** Where this process runs, or `none`. */
  readonly region: string
}

const INSERT = 'insert into effect (id, region) values ($1, $2)'

/** The one write of the contract: that it happened, once, and where, is seen in the database. */
export async function write({ pool, region }: World, id: string): Promise<void> {
  await pool.query(INSERT, [id, region])
}
