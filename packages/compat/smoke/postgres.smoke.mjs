import * as flyback from '@flyback/postgres'
import { check, NAME } from './check.mjs'

const sql = flyback.default()
await check(flyback, {
  read: async () => (await sql`select pg_is_in_recovery() as standby`)[0].standby,
  write: () => sql`insert into item (name) values (${NAME})`,
  end: () => sql.end(),
})
