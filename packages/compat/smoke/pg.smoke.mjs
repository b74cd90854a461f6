import * as flyback from '@flyback/pg'
import { check, INSERT, WHO } from './check.mjs'

const pool = new flyback.Pool()
await check(flyback, {
  read: async () => (await pool.query(WHO)).rows[0].standby,
  write: () => pool.query(INSERT),
  end: () => pool.end(),
})
