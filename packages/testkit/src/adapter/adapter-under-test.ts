import type { FlybackOptions } from '@flyback/core'

/** One row, as the library under test gives it. */
export type Row = Record<string, unknown>

/** What the contract asks of a library. An adapter's test says, in a few lines, how the library does it. */
export interface AdapterUnderTest {
  /** As users call it, and the column of the support matrix: `Kysely on postgres.js`. */
  readonly name: string
  /** How a write through {@link Items} is refused: before anything is sent, or by one answer of the local replica. */
  readonly knownWrites: 'at once' | 'one round trip'
  /** What the library cannot do at all, and why; those cases have a dash in the matrix. Also what is optional below. */
  readonly cannot: Partial<Record<Capability, string>>
  connect(options: ConnectOptions): Connected | Promise<Connected>
}

export type Capability =
  | 'batches'
  | 'copy'
  | 'listen'
  | 'prepared statements'
  | 'read-only transactions'
  | 'read-write transactions'
  | 'savepoints'
  | 'serializable transactions'
  | 'sessions'
  | 'streams'

export interface ConnectOptions {
  /** The environment of an app in some region, `DATABASE_URL` included. */
  readonly env: Readonly<Record<string, string>>
  /** Connections at most, to each endpoint. */
  readonly max: number
  readonly flyback?: Omit<FlybackOptions, 'env'>
}

/** Something that runs statements: a database handle, a transaction, a held connection. */
export interface Queryable {
  /** One statement in the library's raw form, with `$1`, `$2` for parameters. Resolves to its rows. */
  query(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** The library's own models or builders over the table `item` of {@link CONTRACT_SCHEMA}. */
  readonly items: Items
}

export interface Items {
  find(name: string): Promise<Row | undefined>
  insert(name: string): Promise<unknown>
  /** Sets `qty`; resolves to how many rows there were. */
  update(name: string, qty: number): Promise<number>
  remove(name: string): Promise<number>
}

export interface Transaction extends Queryable {
  /** A nested transaction. */
  savepoint?<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

export interface TransactionOptions {
  readonly accessMode?: 'read only' | 'read write'
  readonly isolationLevel?: 'repeatable read' | 'serializable'
}

/** A connected library. What is optional is left out by libraries that cannot do it; see {@link AdapterUnderTest.cannot}. */
export interface Connected extends Queryable {
  /** The library's explicit handle for the primary: `pool.primary`, `sql.primary`, `db.withPrimary()`, ... */
  readonly primary: Queryable
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Statements the library sends as one transaction of its own making. */
  batch?(statements: readonly string[]): Promise<unknown>
  /** Hands over rows as they arrive, one at a time from the server. Resolves at the end. */
  stream?(sql: string, onRow: (row: Row) => void): Promise<void>
  /** COPY ... FROM STDIN of lines of text. */
  copyIn?(sql: string, lines: string): Promise<void>
  /** COPY ... TO STDOUT. */
  copyOut?(sql: string): Promise<string>
  /** A statement the server prepares under a name, or the library keeps prepared. */
  prepared?(sql: string, params: readonly unknown[]): Promise<Row[]>
  /** LISTEN as the library has it; resolves when the server is listening, to a function that stops it. */
  listen?(channel: string, onMessage: (payload: string) => void): Promise<() => Promise<unknown>>
  /** Holds one connection for several statements outside a transaction. */
  session?<T>(work: (session: Queryable) => Promise<T>): Promise<T>
  /** Ends everything it opened. */
  end(): Promise<unknown>
}

/** The database the contract runs in. */
export const CONTRACT_SCHEMA: string = `
  create table item (id serial primary key, name text unique not null, qty int not null default 0);
  insert into item (name, qty) select 'n' || g, g from generate_series(1, 10) g;
  create unlogged table scratch (id int);
  create function write_item() returns int language plpgsql as
    $$ begin insert into item (name) values ('f' || random()); return 1; end $$;
  create procedure write_item_by_call() language sql as $$ insert into item (name) values ('by call') $$;
  create materialized view total as select count(*) as n from item;
  create function swallow_item() returns text language plpgsql as
    $$ begin insert into item (name) values ('s' || random()); return 'written';
       exception when others then return 'swallowed ' || sqlstate; end $$;
  create function conflict_on_standby() returns text language plpgsql as
    $$ begin if pg_is_in_recovery() then raise 'conflict' using errcode = '40001'; end if; return 'ok'; end $$;
`
