import { DummyDriver, Kysely, PostgresDialect, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { isKnownWrite } from '../src/known-writes.js'
import type { Database } from './adapter-under-test.js'
import { READS, WRITES } from './builders.js'

class Compiler extends PostgresDialect {
  override createDriver(): DummyDriver {
    return new DummyDriver()
  }
}

const pool = () => Promise.reject(new Error('nothing is connected'))
const db = new Kysely<Database>({ dialect: new Compiler({ pool }) })
const known = (query: { compile(): { query: Parameters<typeof isKnownWrite>[0] } }): boolean =>
  isKnownWrite(query.compile().query)

describe('what is known to write before it is sent', () => {
  test.each(WRITES)('%s', (_title, build) => {
    expect(known(build(db))).toBe(true)
  })
})

describe('what is left to the server', () => {
  test.each(READS)('%s', (_title, build) => {
    expect(known(build(db))).toBe(false)
  })

  test('raw SQL, also where it holds a builder: what is around it is not read', () => {
    const insert = db.insertInto('item').values({ name: 'x' })
    expect(isKnownWrite(sql`explain ${insert}`.compile(db).query)).toBe(false)
    expect(isKnownWrite(sql`insert into item (name) values ('x')`.compile(db).query)).toBe(false)
  })

  test('EXPLAIN, which writes only with ANALYZE, and that is raw SQL', () => {
    const insert = db.insertInto('item').values({ name: 'x' })
    // Kysely's `explain()` executes; its node is what a query with it has.
    const { query } = insert.compile()
    expect(isKnownWrite(query)).toBe(true)
    expect(isKnownWrite({ ...query, explain: { kind: 'ExplainNode' } } as typeof query)).toBe(false)
  })

  test('values of the user, however large, deep or circular', () => {
    const circular: Record<string, unknown> = { kind: 'DeleteQueryNode' }
    circular['self'] = circular
    const list = Array.from({ length: 100_000 }, (_, i) => i)
    const query = db
      .selectFrom('item')
      .selectAll()
      .where('id', 'in', list)
      .where(sql.val(circular), 'is not', null)
    const { query: node } = query.compile()
    const begin = performance.now()
    expect(isKnownWrite(node)).toBe(false)
    expect(performance.now() - begin, 'milliseconds').toBeLessThan(50)
  })

  test('a tree without end: the walk has one', () => {
    const node: Record<string, unknown> = { kind: 'SelectQueryNode' }
    node['from'] = node
    // No builder makes such a tree; a plugin could.
    expect(isKnownWrite(node as unknown as Parameters<typeof isKnownWrite>[0])).toBe(false)
  })
})
