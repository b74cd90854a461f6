import { defineHandler } from 'nitro/h3'
import { pool, region } from '../lib/pool.ts'

export default defineHandler(async () => {
  const entries = await pool.query('select author, message from entry order by id desc limit 5')
  const tally = await pool.query('select name, count from tally order by name')
  return { region, entries: entries.rows, tally: tally.rows }
})
