import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Position, parseToken, type ScopeOptions } from '@flyback/core'
import { currentToken } from '@flyback/core/scope'
import { requestWith, sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Options, Sql } from '../src/index.js'
import { opener } from './support.js'
import { VERSIONS } from './versions.js'

type Open = Sql & AsyncDisposable

const SCHEMA = `
  create table item (id serial primary key, name text);
  create function add_item() returns int language sql
    as $$ insert into item (name) values ('f') returning id $$;
`

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const INSERT = "insert into item (name) values ('x')"

function positionIn(token: string | undefined): Position {
  const [entry] = parseToken(token ?? '')
  if (entry?.type !== 'position') throw new Error(`a position is expected, not ${token}`)
  return entry
}

describe.each(VERSIONS)('postgres.js %s', (_version, _driver, postgres) => {
  const open = (region: string, options: Options = {}): Open => {
    const { sql, ...rest } = opener(postgres)(database, region, { max: 2, ...options })
    return Object.assign(sql, rest)
  }

  /** The token of a request in the primary region, when its work has resolved. */
  const tokenOf = (work: () => unknown, options: Partial<ScopeOptions> = {}) =>
    requestWith(
      database,
      'ewr',
      undefined,
      async () => {
        await work()
        return currentToken()
      },
      options,
    )

  describe('rule 6: the position is in the scope when it resolves:', () => {
    const calls: readonly (readonly [string, (sql: Sql) => unknown])[] = [
      ['an insert', (sql) => sql`insert into item (name) values (${'x'})`],
      ['an insert of unsafe', (sql) => sql.unsafe(INSERT)],
      [
        'an insert with RETURNING over a cursor',
        (sql) => sql`insert into item (name) values ('x') returning id`.cursor(1, () => {}),
      ],
      [
        'an insert with RETURNING over an iterator',
        async (sql) => {
          const rows = sql`insert into item (name) select 'x' from generate_series(1, 3) returning id`
          for await (const _ of rows.cursor(1));
        },
      ],
      [
        'forEach',
        (sql) => sql`insert into item (name) values ('x') returning id`.forEach(() => {}),
      ],
      ['values', (sql) => sql`insert into item (name) values ('x') returning id`.values()],
      ['a text of several statements', (sql) => sql.unsafe(`${INSERT}; select 1`)],
      [
        'one that hides its commit',
        (sql) => sql.unsafe(`begin; ${INSERT}; commit; begin; rollback`),
      ],
      ['begin', (sql) => sql.begin((tx) => tx.unsafe(INSERT))],
      ['begin with a writing function', (sql) => sql.begin((tx) => tx`select add_item()`)],
      [
        'begin with a savepoint',
        (sql) => sql.begin((tx) => tx.savepoint((sp) => sp.unsafe(INSERT))),
      ],
      [
        'a transaction on a reserved connection',
        async (sql) => {
          const reserved = await sql.reserve()
          await reserved`begin`
          await reserved.unsafe(INSERT)
          expect(currentToken()).toBeUndefined()
          await reserved`commit`
          expect(currentToken()).toBeDefined()
          reserved.release()
        },
      ],
      [
        'COPY from stdin',
        async (sql) => {
          const stream = await sql`copy item (name) from stdin`.writable()
          await pipeline(Readable.from(['a\nb\n']), stream)
        },
      ],
      [
        'COPY to stdout of an insert',
        async (sql) => {
          const stream =
            await sql`copy (insert into item (name) values ('c') returning id) to stdout`.readable()
          for await (const _ of stream);
        },
      ],
      ['sql.primary', (sql) => (sql as Sql & { primary: Sql }).primary.unsafe(INSERT)],
    ]
    test.each(calls)('%s', async (_title, call) => {
      await using sql = open('ewr')
      expect(positionIn(await tokenOf(() => call(sql)))).toMatchObject({ timeline: 1 })
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    })
  })

  test.each<readonly [string, (sql: Sql) => unknown]>([
    ['a select', (sql) => sql`select 1`],
    ['a read-only transaction', (sql) => sql.begin('read only', (tx) => tx`select 1`)],
    [
      'a transaction that is rolled back',
      (sql) => sql.begin((tx) => [tx.unsafe(INSERT), tx`nonsense`]).catch(() => {}),
    ],
    ['a statement that fails', (sql) => sql`insert into item (id) values (1), (1)`.catch(() => {})],
  ])('nothing is captured after %s', async (_title, call) => {
    await using sql = open('ewr')
    expect(await tokenOf(() => call(sql))).toBeUndefined()
  })

  test('a select is captured where it may write', async () => {
    await using sql = open('ewr')
    expect(await tokenOf(() => sql`select add_item()`)).toBeUndefined()
    expect(await tokenOf(() => sql`select add_item()`, { mayWrite: true })).toBeDefined()
  })

  test('rule 15: requests on one shared connection get the positions of their own writes only', async () => {
    await using sql = open('ewr', { max: 1 })
    await sql`select 1`
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        tokenOf(() => (i % 2 === 0 ? sql.unsafe(INSERT) : sql`select 1`)),
      ),
    )
    expect(tokens.map((token) => token !== undefined)).toEqual(tokens.map((_, i) => i % 2 === 0))
  })

  test('rule 6: a write is in its token, or pinned, when a transaction of others begins right behind it', async () => {
    await using sql = open('ewr', { max: 1 })
    await sql`select 1`
    const writing = tokenOf(() => sql.unsafe(INSERT).execute())
    const begun = sql`begin`.execute()
    expect(await writing).toBeDefined()
    await begun
    await sql`commit`
  })

  test('what is captured goes past the transforms, parsers and debug of the user', async () => {
    const seen: string[] = []
    const spoil = () => 'spoiled'
    await using sql = open('ewr', {
      debug: (_id, text) => void seen.push(text),
      transform: {
        column: { from: spoil },
        row: { from: () => ({ spoiled: true }) },
        value: { from: spoil },
      },
      types: { text: { to: 25, from: [25], serialize: String, parse: spoil } },
    })
    expect(positionIn(await tokenOf(() => sql.unsafe(INSERT)))).toBeDefined()
    expect(await sql.unsafe('select 1')).toEqual([{ spoiled: true }])
    expect(seen.filter((text) => text.includes('lsn'))).toEqual([])
  })
})
