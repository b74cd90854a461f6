import { defineHandler, readBody } from 'nitro/h3'
import { pool, region } from '../lib/pool.ts'

export default defineHandler(async (event) => {
  const entry = await readBody<{ author: string; message: string }>(event)
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query("update tally set count = count + 1 where name = 'entries'")
    const { rows } = await client.query(
      'insert into entry (author, message) values ($1, $2) returning id',
      [entry?.author, entry?.message],
    )
    await client.query('commit')
    event.res.status = 201
    return { region, id: rows[0].id }
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
})
