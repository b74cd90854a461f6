import { sharedLab } from '@flyback/testkit'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { type Database, failure, item, SCHEMA } from '../support.js'
import { type Work, WRITES } from './builders.js'

// Records what Drizzle itself throws on a hot standby, and holds it against packages/core/test/fixtures/errors.
// A new version changes the file: read the difference, then `vitest run -u` writes it.

/** `primary`: the statement must reach the primary. `here`: it fails for a reason of its own. `ok`: it runs. */
type Belongs = 'primary' | 'here' | 'ok'

const MORE: readonly (readonly [title: string, belongs: Belongs, work: Work])[] = [
  ['select', 'ok', (db) => db.select().from(item)],
  ['transaction, read only', 'ok', (db) => db.transaction(read, { accessMode: 'read only' })],
  [
    'transaction, repeatable read',
    'ok',
    (db) => db.transaction(read, { isolationLevel: 'repeatable read' }),
  ],
  [
    'nested transaction',
    'primary',
    (db) => db.transaction((tx) => tx.transaction((inner) => inner.delete(item).then())),
  ],
  [
    'transaction, read only, and a write',
    'primary',
    (db) => db.transaction((tx) => tx.delete(item).then(), { accessMode: 'read only' }),
  ],
  ['execute of LISTEN', 'primary', (db) => db.execute(sql`listen channel`)],
  [
    'execute of pg_current_wal_lsn',
    'primary',
    (db) => db.execute(sql`select pg_current_wal_lsn()`),
  ],
  [
    'execute of pg_logical_emit_message',
    'primary',
    (db) => db.execute(sql`select pg_logical_emit_message(false, 'a', 'b')`),
  ],
  ['execute of currval', 'here', (db) => db.execute(sql`select currval('item_id_seq')`)],
  ['execute of a syntax error', 'here', (db) => db.execute(sql`selec ${1}`)],
  ['execute of a missing table', 'here', (db) => db.execute(sql`select * from nowhere`)],
  ['tx.rollback()', 'here', (db) => db.transaction((tx) => Promise.resolve(tx.rollback()))],
]

/** What a standby grants, and only Flyback refuses. */
const GRANTED: ReadonlySet<string> = new Set(['execute of an advisory lock'])

/** Only newer versions have it (0.36.1). */
const NEWER: ReadonlySet<string> = new Set(['insert of a select'])

const STATEMENTS: typeof MORE = [
  ...WRITES.filter(([title]) => !NEWER.has(title)).map(
    ([title, work]) => [title, GRANTED.has(title) ? 'ok' : 'primary', work] as const,
  ),
  ...MORE,
]

/** @param open makes a database of Drizzle's own on one connection */
export function recordedErrors(
  name: string,
  open: (url: string) => Promise<{ readonly db: Database; end(): Promise<unknown> }>,
): void {
  test(`${name} throws on a hot standby of PostgreSQL 18 what the fixtures say`, async () => {
    await using database = await sharedLab().createDatabase({ schema: SCHEMA })
    const recorded: unknown[] = []
    for (const [title, belongs, work] of STATEMENTS) {
      const { db, end } = await open(database.url('iad', 'replica'))
      const answered = belongs === 'ok' ? Promise.resolve(work(db)) : failure(work(db))
      const answer = await answered.finally(end)
      const error = belongs === 'ok' ? undefined : answer
      recorded.push({ sql: title, belongs, error: error === undefined ? null : plain(error) })
    }
    const file = `../../core/test/fixtures/errors/${name}.json`
    await expect(`${JSON.stringify(recorded, null, 2)}\n`).toMatchFileSnapshot(file)
  })
}

function read(db: Pick<Database, 'select'>): Promise<unknown> {
  return db.select().from(item).then()
}

/** Everything an error has of its own, but what changes with every minor release of the server. */
function plain(error: unknown): Record<string, unknown> {
  const own = Object.entries(Object(error)).filter(
    ([key]) => !['length', 'line', 'file', 'cause'].includes(key),
  )
  const cause: unknown = Reflect.get(Object(error), 'cause')
  const all = [
    ...own,
    ['message', Reflect.get(Object(error), 'message')],
    ['cause', cause === undefined ? undefined : plain(cause)],
  ]
  return Object.fromEntries(all.filter(([, value]) => value !== undefined))
}
