import { sharedLab } from '@flyback/testkit'
import { expect, test } from 'vitest'
import type { Driver } from '../src/driver-internals.js'
import { SCHEMA } from './support.js'
import { VERSIONS } from './versions.js'

// Records what each supported postgres.js throws on a hot standby, and holds it against packages/core/test/fixtures/errors.
// A new driver or server version changes the file: read the difference, then `vitest run -u` writes it.

/** `primary`: the statement must reach the primary. `here`: it fails for a reason of its own. `ok`: it runs. */
type Belongs = 'primary' | 'here' | 'ok'

const INSERT = "insert into item (name) values ('x')"

const STATEMENTS: [sql: string, belongs: Belongs][] = [
  [INSERT, 'primary'],
  ["insert into item (name) select 'x' where false", 'primary'],
  ["insert into item (name) values ('n1') on conflict do nothing", 'primary'],
  ['update item set qty = 1 where false', 'primary'],
  ['delete from item where false', 'primary'],
  ['truncate item', 'primary'],
  [
    'merge into item i using (select 1 id) s on i.id = s.id when matched then update set qty = 2',
    'primary',
  ],
  ['select * from item for update', 'primary'],
  ['select * from item for no key update', 'primary'],
  ['select * from item for share', 'primary'],
  ['select * from item for key share skip locked', 'primary'],
  ["select nextval('item_id_seq')", 'primary'],
  ["select setval('item_id_seq', 5)", 'primary'],
  ["select currval('item_id_seq')", 'here'],
  ['select lastval()', 'here'],
  ["with w as (insert into item (name) values ('c') returning 1) select * from w", 'primary'],
  ['select * into other from item', 'primary'],
  ['create table other (a int)', 'primary'],
  ['create temp table other (a int)', 'primary'],
  ['create index on item (qty)', 'primary'],
  ['drop table item', 'primary'],
  ['grant select on item to public', 'primary'],
  ['select write_item()', 'primary'],
  ['select swallow_item()', 'ok'],
  ["do $$ begin insert into item (name) values ('d'); end $$", 'primary'],
  ['select pg_advisory_xact_lock(1)', 'ok'],
  ['listen channel', 'primary'],
  ['notify channel', 'primary'],
  ["select pg_notify('channel', 'x')", 'primary'],
  ['begin; lock table item', 'primary'],
  ['begin; lock table item in access share mode', 'ok'],
  ['begin isolation level serializable', 'primary'],
  ['set default_transaction_isolation = serializable ;; select 1 from item', 'primary'],
  ['begin read write', 'primary'],
  ['begin; set transaction read write', 'primary'],
  ['begin; set transaction_read_only = off', 'primary'],
  ['begin; select 1; set transaction read write', 'here'],
  [`begin read only; ${INSERT}`, 'primary'],
  ["begin; prepare transaction 'g1'", 'primary'],
  ["rollback prepared 'g2'", 'primary'],
  [`explain ${INSERT}`, 'ok'],
  [`explain analyze ${INSERT}`, 'primary'],
  ['vacuum item', 'primary'],
  ['analyze item', 'primary'],
  ['reindex table item', 'primary'],
  ['copy item to stdout', 'ok'],
  ['select pg_current_wal_lsn()', 'primary'],
  ['select pg_current_wal_insert_lsn()', 'primary'],
  ['select pg_current_wal_flush_lsn()', 'primary'],
  ["select pg_walfile_name('0/3000000')", 'primary'],
  ["select pg_create_restore_point('a')", 'primary'],
  ['select pg_last_wal_replay_lsn() is not null', 'ok'],
  ['select pg_current_xact_id()', 'primary'],
  ['select lo_create(0)', 'primary'],
  ['select * from scratch', 'primary'],
  ["select pg_logical_emit_message(false, 'a', 'b')", 'primary'],
  ['begin isolation level repeatable read; select 1 from item', 'ok'],
  ['selec 1', 'here'],
  ['select * from nowhere', 'here'],
  ['select 1/0', 'here'],
  ["do $$ begin raise exception 'mine' using errcode = '25006'; end $$", 'primary'],
]

test.each(VERSIONS)(
  'postgres.js %s throws on a hot standby of PostgreSQL 18 what the fixtures say',
  async (version, driver) => {
    await using database = await sharedLab().createDatabase({ schema: SCHEMA })
    const recorded: unknown[] = []
    for (const [sql, belongs] of STATEMENTS) {
      const error = await run(driver, database.url('iad', 'replica'), sql)
      expect(error === undefined, sql).toBe(belongs === 'ok')
      recorded.push({ sql, belongs, error: error === undefined ? null : describeError(error) })
    }
    const file = `../../core/test/fixtures/errors/postgres-${version}.json`
    await expect(`${JSON.stringify(recorded, null, 2)}\n`).toMatchFileSnapshot(file)
  },
)

/** What the last of the statements (separated by `;;`, each a message of its own) rejects with. */
async function run(driver: Driver, url: string, text: string): Promise<unknown> {
  const sql = driver(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    for (const statement of text.split(';;')) await sql.unsafe(statement)
    return undefined
  } catch (error) {
    return error
  } finally {
    await sql.end()
  }
}

/** Everything an error shows, but what changes with every minor release of the server. */
function describeError(error: unknown): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  // Before 3.4.2 the fields are those of the object it inherits from.
  for (const key in Object(error)) {
    if (!['line', 'file'].includes(key)) shown[key] = Reflect.get(Object(error), key)
  }
  return { ...shown, message: Reflect.get(Object(error), 'message') }
}
