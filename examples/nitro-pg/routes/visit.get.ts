import { defineHandler } from 'nitro/h3'
import { pool, region } from '../lib/pool.ts'

// A read by its method, a write by what it does: only the database can tell.
export default defineHandler(async () => {
  const { rows } = await pool.query(
    "update tally set count = count + 1 where name = 'visits' returning count",
  )
  return { region, visits: rows[0].count }
})
