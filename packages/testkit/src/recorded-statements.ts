/** A table, and functions that write or swallow. */
export const RECORDED_SCHEMA: string = `
  create table item (id serial primary key, name text unique not null, qty int not null default 0);
  insert into item (name, qty) select 'n' || g, g from generate_series(1, 10) g;
  create unlogged table scratch (id int);
  create function write_item() returns int language plpgsql as
    $$ begin insert into item (name) values ('f' || random()); return 1; end $$;
  create function swallow_item() returns text language plpgsql as
    $$ begin insert into item (name) values ('s' || random()); return 'written';
       exception when others then return 'swallowed ' || sqlstate; end $$;
`

/** `primary`: the statement must reach the primary. `here`: it fails for a reason of its own. `ok`: it runs. */
export type Belongs = 'primary' | 'here' | 'ok'

const INSERT = "insert into item (name) values ('x')"

/**
 * What drivers are recorded with on a hot standby, in a database of {@link RECORDED_SCHEMA}. Statements separated by `;;` are
 * messages of their own.
 */
export const RECORDED_STATEMENTS: readonly (readonly [sql: string, belongs: Belongs])[] = [
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
