import { expect } from 'vitest'
import { PRIMARY } from '../bench.js'
import type { ContractCase, ContractSection } from '../contract-case.js'

const INSERT = "insert into item (name) values ('x')"

/** Statements that must reach the primary, however they are sent. Measured: see docs/errors.md. */
const STATEMENTS: readonly (readonly [title: string, sql: string])[] = [
  ['INSERT', INSERT],
  ['INSERT of no rows', "insert into item (name) select 'x' where false"],
  [
    'INSERT ... ON CONFLICT DO NOTHING',
    "insert into item (name) values ('n1') on conflict do nothing",
  ],
  ['UPDATE', "update item set qty = 1 where name = 'n1'"],
  ['UPDATE of no rows', 'update item set qty = 1 where false'],
  ['DELETE of no rows', 'delete from item where false'],
  [
    'MERGE',
    'merge into item i using (select 1 id) s on i.id = s.id when matched then update set qty = 2',
  ],
  ['TRUNCATE', 'truncate item'],
  ['SELECT ... FOR UPDATE', 'select id from item for update'],
  ['SELECT ... FOR NO KEY UPDATE', 'select id from item for no key update'],
  ['SELECT ... FOR SHARE of no rows', 'select id from item where false for share'],
  ['SELECT ... FOR KEY SHARE SKIP LOCKED', 'select id from item for key share skip locked'],
  ['nextval', "select nextval('item_id_seq')::int"],
  ['setval', "select setval('item_id_seq', 500)::int"],
  [
    'a writable CTE',
    "with w as (insert into item (name) values ('c') returning id) select id from w",
  ],
  ['a function that writes', 'select write_item()'],
  ['CALL of a procedure that writes', 'call write_item_by_call()'],
  ['a DO block that writes', "do $$ begin insert into item (name) values ('d'); end $$"],
  ['SELECT ... INTO', 'select id into other from item'],
  ['CREATE TABLE', 'create table other (id int)'],
  ['CREATE TEMP TABLE', 'create temp table other (id int)'],
  ['CREATE TEMP VIEW', 'create temp view other as select 1 as one'],
  ['CREATE DATABASE', 'create database other'],
  ['CREATE INDEX', 'create index on item (qty)'],
  ['ALTER TABLE', 'alter table item add column extra int'],
  ['DROP TABLE', 'drop table item'],
  ['REFRESH MATERIALIZED VIEW', 'refresh materialized view total'],
  ['GRANT', 'grant select on item to public'],
  ['COMMENT', "comment on table item is 'x'"],
  ['LISTEN', 'listen channel'],
  ['NOTIFY', "notify channel, 'x'"],
  ['pg_notify', "select pg_notify('channel', 'x')::text"],
  ['EXPLAIN ANALYZE of a write', `explain analyze ${INSERT}`],
  ['VACUUM', 'vacuum item'],
  ['ANALYZE', 'analyze item'],
  ['REINDEX', 'reindex table item'],
  ['CLUSTER', 'cluster item using item_pkey'],
  ['ROLLBACK PREPARED', "rollback prepared 'none'"],
  ['an unlogged table', 'select id from scratch'],
  ['pg_current_wal_lsn', 'select pg_current_wal_lsn()::text'],
  ['pg_current_wal_flush_lsn', 'select pg_current_wal_flush_lsn()::text'],
  ['pg_switch_wal', 'select pg_switch_wal()::text'],
  ['pg_create_restore_point', "select pg_create_restore_point('a')::text"],
  ['pg_walfile_name', "select pg_walfile_name('0/3000000')"],
  ['pg_current_xact_id', 'select pg_current_xact_id()::text'],
  ['pg_logical_emit_message', "select pg_logical_emit_message(false, 'a', 'b')::text"],
  ['a large object', 'select lo_create(0)::int'],
  ['a RAISE of 25006', "do $$ begin raise exception 'mine' using errcode = '25006'; end $$"],
]

/** A standby would grant them, to itself alone. */
const ADVISORY_LOCKS = [
  'select pg_advisory_lock(7)::text',
  'select pg_try_advisory_lock(7)',
  'select pg_advisory_xact_lock(7)::text',
  'select pg_try_advisory_xact_lock_shared(7)',
]

export const refusedStatements: ContractSection = {
  heading: 'Raw statements that must reach the primary throw ReplayRequired',
  cases: [
    ...STATEMENTS.map(
      ([title, sql]): ContractCase => ({
        title,
        async run(bench) {
          await using open = await bench.open('iad', { max: 1 })
          const pid = await bench.pid(open)
          const scope = bench.scope()
          const refusal = await bench.request(scope, () => bench.refusal(() => open.query(sql)))
          expect(refusal).toMatchObject({ region: PRIMARY, replayable: true })
          expect(scope.refusal).toBe(refusal)
          expect(refusal.cause, 'the error of the driver').toBeInstanceOf(Error)
          expect(await bench.pid(open), 'the connection is kept').toBe(pid)
        },
      }),
    ),
    ...ADVISORY_LOCKS.map(
      (sql): ContractCase => ({
        title: `${/pg_\w+/.exec(sql)?.[0]}, before it is sent`,
        async run(bench) {
          await using open = await bench.open('iad', { max: 1 })
          const refusal = await bench.asRequest(() => bench.refusal(() => open.query(sql)))
          expect(refusal).toMatchObject({ reason: 'known-write', replayable: true })
          expect(await bench.standby(open)).toBe(true)
        },
      }),
    ),
  ],
}
