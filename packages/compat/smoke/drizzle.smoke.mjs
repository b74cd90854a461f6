import * as flyback from '@flyback/drizzle/node-postgres'
import { sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { check, NAME, WHO } from './check.mjs'

const item = pgTable('item', { id: integer('id'), name: text('name').notNull() })
const db = flyback.drizzle()
await check(flyback, {
  read: async () => (await db.execute(sql.raw(WHO))).rows[0].standby,
  write: () => db.insert(item).values({ id: sql`default`, name: NAME }),
  end: () => db.$client.end(),
})
