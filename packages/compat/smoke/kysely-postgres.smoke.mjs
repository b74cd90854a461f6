import * as flyback from '@flyback/kysely'
import postgres from '@flyback/postgres'
import { Kysely, sql } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import { check, NAME } from './check.mjs'

const dialect = new flyback.FlybackDialect({
  over: postgres(),
  dialect: (handle) => new PostgresJSDialect({ postgres: handle }),
})
const db = new Kysely({ dialect })
await check(flyback, {
  read: async () => (await sql`select pg_is_in_recovery() as standby`.execute(db)).rows[0].standby,
  write: () =>
    db.transaction().execute((tx) => tx.insertInto('item').values({ name: NAME }).execute()),
  end: () => db.destroy(),
})
