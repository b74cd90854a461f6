import { CONTRACT_SCHEMA, type TestDatabase } from '@flyback/testkit'
import type { DrizzleConfig } from 'drizzle-orm'
import { relations } from 'drizzle-orm'
import {
  integer,
  jsonb,
  type PgDatabase,
  type PgQueryResultHKT,
  pgTable,
  serial,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import type { FlybackOptions, OnPrimary } from '../src/node-postgres.js'

export const item = pgTable('item', {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  qty: integer().notNull().default(0),
})

export const note = pgTable('note', {
  id: serial().primaryKey(),
  itemId: integer().notNull(),
  body: jsonb().$type<{ text: string }>().notNull(),
  writtenAt: timestamp({ withTimezone: true }).notNull(),
})

const itemRelations = relations(item, ({ many }) => ({ notes: many(note) }))
const noteRelations = relations(note, ({ one }) => ({
  item: one(item, { fields: [note.itemId], references: [item.id] }),
}))

export const schema = { item, note, itemRelations, noteRelations }
type Schema = typeof schema

/** The names of `note` are camelCase in code and snake_case here: every test uses `casing`. */
export const SCHEMA: string = `${CONTRACT_SCHEMA}
  create table note (
    id serial primary key, item_id int not null, body jsonb not null, written_at timestamptz not null
  );
  insert into note (item_id, body, written_at) values (1, '{"text":"first"}', '2026-01-02T03:04:05.678Z');
`

/** What the tests use of a database, whichever driver it has. */
export type Database = PgDatabase<PgQueryResultHKT, Schema>

export interface OpenOptions extends Omit<DrizzleConfig<Schema>, 'schema' | 'casing'> {
  /** Connections at most, to each endpoint. */
  readonly max?: number
  readonly flyback?: Omit<FlybackOptions, 'env'>
}

export interface Opened extends AsyncDisposable {
  readonly db: Database & OnPrimary<Database>
  /** Connections opened so far, to both endpoints; `undefined` where the driver does not tell. */
  opened(): number | undefined
  /** Waits until all connections are back; fails when one never comes back. */
  settled(): Promise<void>
}

/** A driver of Drizzle's, as the suites use it. */
export interface Fixture {
  readonly name: string
  /** Drizzle 0.35: no DrizzleQueryError and no cache (since 0.44), no `insert ... select` (since 0.36.1). */
  readonly oldest: boolean
  open(database: Pick<TestDatabase, 'env'>, region: string, options?: OpenOptions): Opened
  /** The same over the driver itself, by Drizzle's own `drizzle()`: what ours must not be distinguishable from. */
  openPlain(url: string): { readonly db: Database; end(): Promise<unknown> }
}

/** The rows of `db.execute()`, which come as the driver gives them. */
export function rowsOf(result: unknown): Record<string, unknown>[] {
  // Both drivers document rows of plain objects.
  const rows: unknown = Array.isArray(result) ? [...result] : Reflect.get(Object(result), 'rows')
  return rows as Record<string, unknown>[]
}

/** Waits for a state, for at most a second. */
export async function until(state: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 200 && !state(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return state()
}

export { failure, inRequest, openScope } from '@flyback/testkit'
