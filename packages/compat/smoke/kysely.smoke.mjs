import * as flyback from '@flyback/kysely'
import { Pool } from '@flyback/pg'
import { Kysely, sql } from 'kysely'
import { check, NAME } from './check.mjs'

const db = new Kysely({ dialect: new flyback.FlybackDialect({ pool: new Pool() }) })
await check(flyback, {
  read: async () => (await sql`select pg_is_in_recovery() as standby`.execute(db)).rows[0].standby,
  write: () => db.insertInto('item').values({ name: NAME }).execute(),
  end: () => db.destroy(),
})
