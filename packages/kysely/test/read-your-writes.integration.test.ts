import { CommitUnknown, isReplayRequired, parseToken } from '@flyback/core'
import { currentToken } from '@flyback/core/scope'
import { type Lab, startLab } from '@flyback/lab'
import { loseCommit, relayTcp } from '@flyback/testkit'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from './adapter-under-test.js'
import {
  failure,
  onStandby,
  openDb,
  openPair,
  openPostgres,
  requestWith,
  type World,
} from './support.js'

let lab: Lab
let name: string
let world: World

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  const database = await lab.createDatabase()
  name = database.name
  world = { env: (region) => lab.env(region, { database: name }) }
  const client = new pg.Client(database.url('ewr', 'writer'))
  await client.connect()
  await client.query('create table item (id serial primary key, name text, qty int default 0)')
  await client.end()
  await lab.caughtUp()
})
afterAll(() => lab.close())

type Work = (db: Kysely<Database>) => Promise<unknown>

const INSERT = "insert into item (name) values ('x')"
const item = { name: 'x' }

const WRITES: readonly (readonly [string, Work])[] = [
  ['an insert', (db) => db.insertInto('item').values(item).execute()],
  [
    'an insert with RETURNING',
    (db) => db.insertInto('item').values(item).returning('id').execute(),
  ],
  ['raw SQL', (db) => sql.raw(INSERT).execute(db)],
  [
    'a table that is created',
    (db) => db.schema.createTable('t').temporary().addColumn('n', 'integer').execute(),
  ],
  [
    'a transaction',
    (db) =>
      db.transaction().execute(async (trx) => {
        await trx.insertInto('item').values(item).execute()
        expect(currentToken()).toBeUndefined()
      }),
  ],
  [
    'a serializable transaction that only reads',
    (db) =>
      db
        .transaction()
        .setIsolationLevel('serializable')
        .execute((trx) => trx.selectNoFrom((eb) => eb.val(1).as('one')).execute()),
  ],
  [
    'a controlled transaction with a savepoint',
    async (db) => {
      const trx = await db.startTransaction().execute()
      const inner = await trx.savepoint('inner').execute()
      await inner.insertInto('item').values(item).execute()
      await inner.releaseSavepoint('inner').execute()
      expect(currentToken()).toBeUndefined()
      await trx.commit().execute()
    },
  ],
  [
    'a transaction in raw SQL',
    (db) =>
      db.connection().execute(async (one) => {
        await sql`begin`.execute(one)
        await sql.raw(INSERT).execute(one)
        await sql`commit`.execute(one)
      }),
  ],
  [
    'a stream',
    async (db) => {
      for await (const _ of db.insertInto('item').values(item).returning('id').stream(1));
    },
  ],
  [
    'a stream that is broken off',
    async (db) => {
      const rows = db.insertInto('item').values([item, item, item]).returning('id')
      for await (const _ of rows.stream(1)) break
      // Drivers let go of a stream before the server has.
      await expect.poll(currentToken).toBeDefined()
    },
  ],
]

const NOTHING: readonly (readonly [string, Work])[] = [
  ['a select', (db) => db.selectFrom('item').selectAll().execute()],
  [
    'a stream of a select',
    async (db) => {
      for await (const _ of db.selectFrom('item').selectAll().limit(2).stream(1));
    },
  ],
  [
    'a read-only transaction',
    (db) =>
      db
        .transaction()
        .setAccessMode('read only')
        .execute((trx) => trx.selectFrom('item').selectAll().execute()),
  ],
  [
    'a transaction that is rolled back',
    (db) =>
      db
        .transaction()
        .execute(async (trx) => {
          await trx.insertInto('item').values(item).execute()
          throw new Error('no')
        })
        .catch(() => {}),
  ],
]

describe.each([
  ['two foreign dialects', openPair],
  ['@flyback/pg', openDb],
  ['@flyback/postgres', openPostgres],
] as const)('Kysely over %s', (_title, open) => {
  const tokenAfter = (db: Kysely<Database>, work: Work): Promise<string | undefined> =>
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

  test('a write is captured once', async () => {
    const sent: string[] = []
    const target = lab.url('ewr', 'writer', name)
    await using relay = await relayTcp(
      new URL(target),
      () => (chunk) => void sent.push(chunk.toString('latin1')),
    )
    const env = { ...world.env('ewr'), DATABASE_URL: relay.url }
    await using opened = open({ env: () => env }, 'ewr')
    await tokenAfter(opened.db, (db) => db.insertInto('item').values(item).execute())
    const asked = () => sent.join('').split('pg_current_wal_flush_lsn').length - 1
    expect(asked()).toBe(1)
    await tokenAfter(opened.db, (db) =>
      db.transaction().execute((trx) => trx.insertInto('item').values(item).execute()),
    )
    expect(asked()).toBe(2)
  })

  test('a read with a token that a frozen replica has not reached goes to the primary', async () => {
    await using writer = open(world, 'ewr')
    await using reader = open(world, 'iad', { max: 1, flyback: { maxWaitMs: 20 } })
    expect(await onStandby(reader.db)).toBe(true)
    await lab.freeze('iad')
    try {
      const token = await tokenAfter(writer.db, (db) =>
        db.insertInto('item').values(item).execute(),
      )
      const reads: readonly Work[] = [
        (db) => onStandby(db),
        (db) => db.transaction().execute((trx) => onStandby(trx)),
        (db) => db.connection().execute((one) => onStandby(one)),
      ]
      for (const read of reads) {
        const refused = await failure(requestWith(world, 'iad', token, () => read(reader.db)))
        expect(isReplayRequired(refused) && refused.reason).toBe('stale')
        const here = { canReplay: false }
        expect(await requestWith(world, 'iad', token, () => read(reader.db), here)).toBe(false)
        expect(await read(reader.db)).toBe(true)
      }
    } finally {
      await lab.resume('iad')
    }
    await lab.caughtUp()
  })

  test('rule 18: a COMMIT whose answer is lost is CommitUnknown, and pins', async () => {
    await using relay = await loseCommit(new URL(lab.url('ewr', 'writer', name)))
    const env = { ...world.env('ewr'), DATABASE_URL: relay.url }
    await using opened = open({ env: () => env }, 'ewr')
    const token = await requestWith(world, 'ewr', undefined, async () => {
      const work = opened.db
        .transaction()
        .execute((trx) => trx.insertInto('item').values(item).execute())
      expect(await failure(work)).toBeInstanceOf(CommitUnknown)
      return currentToken()
    })
    expect(parseToken(token ?? '')).toMatchObject([{ type: 'pin' }])
  })
})
