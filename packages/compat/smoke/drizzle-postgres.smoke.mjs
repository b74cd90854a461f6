import * as flyback from '@flyback/drizzle/postgres-js'
import { sql } from 'drizzle-orm'
import { check, INSERT, WHO } from './check.mjs'

const db = flyback.drizzle()
await check(flyback, {
  read: async () => (await db.execute(sql.raw(WHO)))[0].standby,
  write: () => db.transaction((tx) => tx.execute(sql.raw(INSERT))),
  end: () => db.$client.end(),
})
