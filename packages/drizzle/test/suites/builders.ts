import { findReplayRequired, ReplayRequired } from '@flyback/core'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { asc, count, eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Database,
  type Fixture,
  failure,
  inRequest,
  item,
  note,
  openScope,
  rowsOf,
  SCHEMA,
} from '../support.js'

const STANDBY = sql<boolean>`pg_is_in_recovery()`

export type Work = (db: Database) => PromiseLike<unknown>

/** Each resolves to `true` on a standby. */
export const READS: [title: string, work: Work][] = [
  ['select', async (db) => first(await db.select({ s: STANDBY }).from(item).limit(1), 's')],
  ['selectDistinct', async (db) => first(await db.selectDistinct({ s: STANDBY }).from(item), 's')],
  [
    'selectDistinctOn',
    async (db) => first(await db.selectDistinctOn([item.id], { s: STANDBY }).from(item), 's'),
  ],
  [
    'a join',
    async (db) =>
      first(
        await db.select({ s: STANDBY }).from(item).innerJoin(note, eq(note.itemId, item.id)),
        's',
      ),
  ],
  [
    'a set operation',
    async (db) =>
      (
        await db
          .select({ name: item.name })
          .from(item)
          .union(db.select({ name: sql<string>`pg_is_in_recovery()::text` }).from(item))
      ).some(({ name }) => name === 'true'),
  ],
  [
    'with, $with',
    async (db) => {
      const some = db
        .$with('some')
        .as(db.select({ id: item.id, s: sql<boolean>`pg_is_in_recovery()`.as('s') }).from(item))
      return first(await db.with(some).select({ s: some.s }).from(some), 's')
    },
  ],
  [
    'a relational query',
    async (db) =>
      first(await db.query.note.findMany({ extras: { s: STANDBY.as('s') }, limit: 1 }), 's'),
  ],
  [
    'a relational query with relations',
    async (db) => {
      const found = await db.query.item.findFirst({
        with: { notes: true },
        where: eq(item.name, 'n1'),
        extras: { s: STANDBY.as('s') },
      })
      expect(found?.notes[0]?.body).toEqual({ text: 'first' })
      return found?.s
    },
  ],
  ['$count', async (db) => (await db.$count(item, sql`pg_is_in_recovery()`)) > 0],
  [
    '$count within a select',
    async (db) => {
      const rows = await db
        .select({ n: db.$count(item, sql`pg_is_in_recovery()`) })
        .from(item)
        .limit(1)
      return Number(rows[0]?.n) > 0
    },
  ],
  [
    'a prepared select',
    async (db) => {
      const prepared = db
        .select({ s: STANDBY })
        .from(item)
        .where(eq(item.name, sql.placeholder('name')))
        .prepare('find_by_name')
      await prepared.execute({ name: 'n2' })
      return first(await prepared.execute({ name: 'n1' }), 's')
    },
  ],
  [
    'a prepared relational query',
    async (db) => {
      const prepared = db.query.item
        .findFirst({ extras: { s: STANDBY.as('s') } })
        .prepare('find_one')
      return (await prepared.execute())?.s
    },
  ],
  ['execute', async (db) => rowsOf(await db.execute(sql`select ${STANDBY} as s`))[0]?.['s']],
  [
    'execute of a string',
    async (db) => rowsOf(await db.execute('select pg_is_in_recovery() as s'))[0]?.['s'],
  ],
  [
    'a dynamic query',
    async (db) => first(await db.select({ s: STANDBY }).from(item).$dynamic().limit(1), 's'),
  ],
]

export const WRITES: [title: string, work: Work][] = [
  ['insert', (db) => db.insert(item).values({ name: 'x' })],
  ['insert of many', (db) => db.insert(item).values([{ name: 'x' }, { name: 'y' }])],
  ['insert, returning', (db) => db.insert(item).values({ name: 'x' }).returning()],
  [
    'insert, on conflict do nothing',
    (db) => db.insert(item).values({ name: 'n1' }).onConflictDoNothing(),
  ],
  [
    'insert, on conflict do update',
    (db) =>
      db
        .insert(item)
        .values({ name: 'n1' })
        .onConflictDoUpdate({ target: item.name, set: { qty: 5 } }),
  ],
  [
    'insert of a select',
    (db) =>
      db.insert(item).select(
        db
          .select({ id: item.id, name: sql`'x'`.as('name'), qty: item.qty })
          .from(item)
          .where(sql`false`),
      ),
  ],
  ['update', (db) => db.update(item).set({ qty: 1 }).where(eq(item.name, 'n1'))],
  ['update of no rows', (db) => db.update(item).set({ qty: 1 }).where(sql`false`)],
  ['update, returning', (db) => db.update(item).set({ qty: 1 }).returning({ id: item.id })],
  ['delete', (db) => db.delete(item).where(eq(item.name, 'n1'))],
  ['delete, returning', (db) => db.delete(item).where(eq(item.name, 'n1')).returning()],
  ['select for update', (db) => db.select().from(item).for('update')],
  [
    'select for share, skip locked',
    (db) => db.select().from(item).for('share', { skipLocked: true }),
  ],
  [
    'with, and an insert',
    (db) => {
      const some = db.$with('some').as(db.select().from(item))
      return db.with(some).insert(item).values({ name: 'x' })
    },
  ],
  [
    'a prepared insert',
    (db) =>
      db
        .insert(item)
        .values({ name: sql.placeholder('name') })
        .prepare('insert_item')
        .execute({ name: 'x' }),
  ],
  ['execute', (db) => db.execute(sql`insert into item (name) values (${'x'})`)],
  ['execute of a writing function', (db) => db.execute(sql`select write_item()`)],
  ['execute of DDL', (db) => db.execute(sql`create index on item (qty)`)],
  ['execute of nextval', (db) => db.execute(sql`select nextval('item_id_seq')`)],
  ['execute of an advisory lock', (db) => db.execute(sql`select pg_advisory_lock(1)`)],
  ['execute of an unlogged table', (db) => db.execute(sql`select * from scratch`)],
  ['transaction', (db) => db.transaction((tx) => tx.insert(item).values({ name: 'x' }))],
  [
    'transaction, serializable',
    (db) => db.transaction((tx) => tx.select().from(item), { isolationLevel: 'serializable' }),
  ],
  [
    'transaction, read write',
    (db) => db.transaction((tx) => tx.select().from(item), { accessMode: 'read write' }),
  ],
]

/** Every way of Drizzle's to send a statement, in a replica region. */
export function builders(fixture: Fixture): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())
  const writes = WRITES.filter(([title]) => !fixture.oldest || title !== 'insert of a select')

  describe('a read runs on the replica beside it', () => {
    test.each(READS)('%s', async (_title, work) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const scope = openScope(database, 'iad')
      expect(await inRequest(scope, async () => await work(open.db))).toBe(true)
      expect(scope.state).toBe('open')
    })

    test.each(READS)('and on the primary through $primary: %s', async (_title, work) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      expect(await work(open.db.$primary)).toBe(false)
    })

    test.each(READS)('and on the primary in its region: %s', async (_title, work) => {
      await using open = fixture.open(database, 'ewr', { max: 1 })
      expect(await work(open.db)).toBe(false)
    })
  })

  describe('a write is refused as ReplayRequired, and keeps its connection', () => {
    test.each(writes)('%s', async (_title, work) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const scope = openScope(database, 'iad')
      const error = await inRequest(scope, () => failure(work(open.db)))
      const refusal = findReplayRequired(error)
      expect(refusal).toBeInstanceOf(ReplayRequired)
      expect(refusal).toMatchObject({ region: 'ewr', replayable: true })
      expect(scope.state).toBe('replaying')
      await open.settled()
      expect(rowsOf(await open.db.execute(sql`select 1 as one`))).toEqual([{ one: 1 }])
      expect(open.opened() ?? 1).toBe(1)
    })

    test.each(writes)('without a scope: %s', async (_title, work) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await failure(work(open.db))
      expect(findReplayRequired(error)).toMatchObject({ region: 'ewr', replayable: true })
      await open.settled()
      expect(await open.db.$count(item)).toBe(10)
      expect(open.opened() ?? 1).toBe(1)
    })
  })

  describe('what is no refusal stays the error of the driver', () => {
    const errors: [title: string, code: string, work: Work][] = [
      ['a syntax error', '42601', (db) => db.execute(sql`selec 1`)],
      ['a missing table', '42P01', (db) => db.execute(sql`select * from nowhere`)],
      [
        'division by zero in a transaction',
        '22012',
        (db) => db.transaction((tx) => tx.execute(sql`select 1/0`)),
      ],
    ]
    test.each(errors)('%s', async (_title, code, work) => {
      await using open = fixture.open(database, 'iad', { max: 1 })
      const error = await failure(work(open.db))
      expect(findReplayRequired(error)).toBeUndefined()
      expect(sqlstate(error)).toBe(code)
    })

    test('rule 3: a unique violation on the primary', async () => {
      await using open = fixture.open(database, 'ewr', { max: 1 })
      const scope = openScope(database, 'ewr')
      const error = await inRequest(scope, () =>
        failure(open.db.insert(item).values({ name: 'n1' })),
      )
      expect(sqlstate(error)).toBe('23505')
      expect(scope.refusal).toBeUndefined()
    })
  })

  test('values, dates and JSON are the same from the replica, the primary and a transaction', async () => {
    await using open = fixture.open(database, 'iad')
    const look = (db: Database) => db.query.note.findFirst({ with: { item: true } })
    const expected = {
      id: 1,
      itemId: 1,
      body: { text: 'first' },
      writtenAt: new Date('2026-01-02T03:04:05.678Z'),
      item: { id: 1, name: 'n1', qty: 1 },
    }
    expect(await look(open.db)).toEqual(expected)
    expect(await look(open.db.$primary)).toEqual(expected)
    expect(await open.db.transaction((tx) => look(tx))).toEqual(expected)
    expect(await open.db.select().from(note).orderBy(asc(note.id))).toEqual([
      { id: 1, itemId: 1, body: { text: 'first' }, writtenAt: expected.writtenAt },
    ])
  })

  test('dates and JSON are written through $primary as Drizzle writes them', async () => {
    await using written = await lab.createDatabase({ schema: SCHEMA })
    await using open = fixture.open(written, 'iad')
    const writtenAt = new Date('2026-05-06T07:08:09.123Z')
    const [row] = await open.db.$primary
      .insert(note)
      .values({ itemId: 2, body: { text: '"quoted"' }, writtenAt })
      .returning()
    expect(row).toMatchObject({ body: { text: '"quoted"' }, writtenAt })
    const [raw] = await written.query(
      'ewr',
      'writer',
      `select body->>'text' as text, written_at = '2026-05-06T07:08:09.123Z' as same from note where item_id = 2`,
    )
    expect(raw).toEqual({ text: '"quoted"', same: true })
    const [counted] = await open.db.$primary.select({ n: count() }).from(note)
    expect(counted).toEqual({ n: 2 })
  })
}

function first(rows: readonly object[], key: string): unknown {
  return Reflect.get(Object(rows[0]), key)
}

/** The SQLSTATE of an error that Drizzle may have wrapped. */
function sqlstate(error: unknown): unknown {
  const code: unknown = Reflect.get(Object(error), 'code')
  return code ?? Reflect.get(Object(Reflect.get(Object(error), 'cause')), 'code')
}
