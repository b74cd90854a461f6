import { findReplayRequired, parseToken } from '@flyback/core'
import { currentToken } from '@flyback/core/scope'
import { type Lab, startLab } from '@flyback/lab'
import { requestWith } from '@flyback/testkit'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePostgres } from './node-postgres-fixture.js'
import { postgresJs } from './postgres-js-fixture.js'
import { type Database, failure, item, rowsOf, SCHEMA } from './support.js'

let lab: Lab
let world: { env(region: string): Record<string, string> }

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  const { name } = await lab.createDatabase()
  world = { env: (region) => lab.env(region, { database: name }) }
  const client = new pg.Client(lab.url('ewr', 'writer', name))
  await client.connect()
  await client.query(SCHEMA)
  await client.end()
  await lab.caughtUp()
})
afterAll(() => lab.close())

type Work = (db: Database) => PromiseLike<unknown>

let made = 0
const values = () => ({ name: `made ${made++}` })

const onStandby = async (db: Pick<Database, 'execute'>): Promise<unknown> =>
  rowsOf(await db.execute(sql`select pg_is_in_recovery() as standby`))[0]?.['standby']

const WRITES: readonly (readonly [string, Work])[] = [
  ['an insert', (db) => db.insert(item).values(values())],
  ['an insert with RETURNING', (db) => db.insert(item).values(values()).returning()],
  ['raw SQL', (db) => db.execute(sql`insert into item (name) values (${values().name})`)],
  [
    'a transaction',
    (db) =>
      db.transaction(async (tx) => {
        await tx.insert(item).values(values())
        expect(currentToken()).toBeUndefined()
      }),
  ],
  [
    'a transaction with a savepoint',
    (db) => db.transaction((tx) => tx.transaction((inner) => inner.insert(item).values(values()))),
  ],
]

const NOTHING: readonly (readonly [string, Work])[] = [
  ['a select', (db) => db.select().from(item)],
  ['a relational query', (db) => db.query.item.findFirst()],
  [
    'a transaction that is rolled back',
    (db) =>
      db
        .transaction(async (tx) => {
          await tx.insert(item).values(values())
          throw new Error('no')
        })
        .catch(() => {}),
  ],
]

describe.each([nodePostgres(false), postgresJs(false)])('Drizzle on $name', ({ open }) => {
  const tokenAfter = (db: Database, work: Work): Promise<string | undefined> =>
    requestWith(world, 'ewr', undefined, async () => {
      await work(db)
      return currentToken()
    })

  test.each(WRITES)('rule 6: a position is in the scope when %s resolves', async (_work, work) => {
    await using opened = open(world, 'ewr')
    const token = await tokenAfter(opened.db, work)
    expect(parseToken(token ?? '')).toMatchObject([{ type: 'position', timeline: 1 }])
  })

  test.each(NOTHING)('nothing is captured after %s', async (_work, work) => {
    await using opened = open(world, 'ewr')
    expect(await tokenAfter(opened.db, work)).toBeUndefined()
  })

  test('rule 15: requests at the same time get the positions of their own writes only', async () => {
    await using opened = open(world, 'ewr', { max: 1 })
    const tokens = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        tokenAfter(opened.db, (db) =>
          i % 2 === 0 ? db.insert(item).values(values()) : db.select().from(item),
        ),
      ),
    )
    expect(tokens.map((token) => token !== undefined)).toEqual(tokens.map((_, i) => i % 2 === 0))
  })

  test('a read with a token that a frozen replica has not reached goes to the primary', async () => {
    await using writer = open(world, 'ewr')
    await using reader = open(world, 'iad', { max: 1, flyback: { maxWaitMs: 20 } })
    expect(await onStandby(reader.db)).toBe(true)
    await lab.freeze('iad')
    try {
      const token = await tokenAfter(writer.db, (db) => db.insert(item).values(values()))
      const reads: readonly Work[] = [
        (db) => onStandby(db),
        (db) => db.transaction((tx) => onStandby(tx)),
        (db) => db.transaction((tx) => onStandby(tx), { isolationLevel: 'repeatable read' }),
      ]
      for (const read of reads) {
        const refused = await failure(requestWith(world, 'iad', token, () => read(reader.db)))
        expect(findReplayRequired(refused)?.reason).toBe('stale')
        const here = { canReplay: false }
        expect(await requestWith(world, 'iad', token, () => read(reader.db), here)).toBe(false)
        expect(await read(reader.db)).toBe(true)
      }
    } finally {
      await lab.resume('iad')
    }
  })
})
