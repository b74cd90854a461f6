import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { type Database, type Fixture, item, SCHEMA } from '../support.js'
import { READS, type Work, WRITES } from './builders.js'

/** Besides the builders: how a transaction and an error look to the code that meets them. */
const MORE: [title: string, work: Work][] = [
  ['a syntax error', (db) => db.execute(sql`selec 1`)],
  ['a missing table', (db) => db.execute(sql`select * from nowhere where a = ${1}`)],
  ['a unique violation', (db) => db.insert(item).values([{ name: 'n1' }, { name: 'n2' }])],
  ['a unique violation in a transaction', (db) => db.transaction((tx) => violate(tx))],
  [
    'a unique violation swallowed in a transaction, then a read',
    (db) =>
      db.transaction(async (tx) => {
        await violate(tx).catch(() => {})
        return await tx.select().from(item)
      }),
  ],
  [
    'a unique violation swallowed in a transaction',
    (db) =>
      db.transaction(async (tx) => {
        await violate(tx).catch(() => {})
        return 'returned'
      }),
  ],
  [
    'a unique violation swallowed in a nested transaction',
    (db) =>
      db.transaction(async (tx) => {
        await tx.transaction((inner) => violate(inner)).catch(() => {})
        return await tx.select({ name: item.name }).from(item).where(eq(item.id, 1))
      }),
  ],
  ['an error of the caller', (db) => db.transaction(() => Promise.reject(new RangeError('mine')))],
  ['tx.rollback()', (db) => db.transaction((tx) => Promise.resolve(tx.rollback()))],
  [
    'a write in a read-only transaction',
    (db) => db.transaction((tx) => violate(tx), { accessMode: 'read only' }),
  ],
  [
    '40001 of the caller',
    (db) => db.execute(sql`do $$ begin raise 'c' using errcode = '40001'; end $$`),
  ],
  [
    '25006 of the caller',
    (db) => db.execute(sql`do $$ begin raise 'c' using errcode = '25006'; end $$`),
  ],
  ['LISTEN', (db) => db.execute(sql`listen channel`)],
  [
    'rows of several types',
    (db) =>
      db.execute(
        sql`select now() > '2020-01-01' as a, 1.5 as b, '{"c":1}'::json as c, null as d, array[1,2] as e, '2026-01-02'::date as f`,
      ),
  ],
]

/** With no region variables, and in the primary region, a database is Drizzle's own. */
export function differential(fixture: Fixture): void {
  const works = [...READS, ...WRITES, ...MORE]

  /** Runs everything in turn on a database of its own, and writes down what can be seen. */
  async function observe(
    open: (database: TestDatabase) => { readonly db: Database; end(): Promise<unknown> },
  ): Promise<unknown[]> {
    await using database = await sharedLab().createDatabase({ schema: SCHEMA })
    const { db, end } = open(database)
    const answers: unknown[] = []
    try {
      for (const [title, work] of works) answers.push([title, await outcome(work, db)])
    } finally {
      await end()
    }
    return answers
  }

  describe.each([
    ['rule 21: with no region variables', () => ({})],
    ['in the primary region', (database: TestDatabase) => database.env('ewr')],
  ])('%s', (_title, env) => {
    test('every statement has the answer, or the error, of Drizzle alone', async () => {
      const theirs = await observe((database) => fixture.openPlain(database.url('ewr', 'writer')))
      const ours = await observe((database) => {
        const DATABASE_URL = database.url('ewr', 'writer')
        const place = { env: () => ({ ...env(database), DATABASE_URL }) }
        const open = fixture.open(place, 'ewr', { max: 1 })
        return { db: open.db, end: async () => await open[Symbol.asyncDispose]() }
      })
      expect(JSON.stringify(theirs)).toContain('23505')
      expect(ours).toEqual(theirs)
    })
  })
}

async function violate(db: Pick<Database, 'insert'>): Promise<unknown> {
  return await db.insert(item).values({ name: 'n1' })
}

async function outcome(work: Work, db: Database): Promise<unknown> {
  return await Promise.resolve(db)
    .then(work)
    .then(
      (value) => ({ value: plain(value) }),
      (error: unknown) => ({ error: plain(error) }),
    )
}

/** A value as plain data, with the names of its classes; but for identifiers that differ from one database to the next. */
function plain(value: unknown, depth = 0): unknown {
  if (value === undefined) return '<undefined>'
  if (typeof value === 'function') return '<function>'
  // write_item() of the contract's schema.
  if (typeof value === 'string' && /^f0?\.\d+/.test(value)) return '<random>'
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return `<date ${value.toISOString()}>`
  if (depth > 6) return '<deep>'
  const own = Object.keys(value).filter((key) => key !== 'tableID')
  const keys = value instanceof Error ? ['message', ...own] : own
  if (Array.isArray(value))
    return [
      value.constructor.name,
      ...value.map((each) => plain(each, depth + 1)),
      ...keys.slice(value.length),
    ]
  return {
    class: value.constructor?.name,
    ...Object.fromEntries(keys.map((key) => [key, plain(Reflect.get(value, key), depth + 1)])),
  }
}
