import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findReplayRequired } from '@flyback/core'
import { Client, Pool } from '@flyback/pg'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { sql } from 'drizzle-orm'
import { Cache } from 'drizzle-orm/cache/core'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { drizzle } from '../src/node-postgres.js'
import { failure, inRequest, item, openScope, SCHEMA } from './support.js'

const STANDBY = { standby: sql<boolean>`pg_is_in_recovery()` }

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

/** A cache that counts who asks, and holds nothing. */
class StandbyCache extends Cache {
  asked = 0
  override strategy(): 'all' {
    return 'all'
  }
  override async get(): Promise<undefined> {
    this.asked++
    await Promise.resolve()
  }
  override async put(): Promise<void> {}
  override async onMutate(): Promise<void> {}
}

/** The environment that the process itself has, as on a machine in the region. */
function inRegion(region: string): void {
  for (const [name, value] of Object.entries(database.env(region))) vi.stubEnv(name, value)
}

describe('on a machine in a replica region, with nothing configured', () => {
  test('a database over the handle for the primary is not answered from a cache', async () => {
    inRegion('iad')
    const pool = new Pool()
    const cache = new StandbyCache()
    const db = drizzle({ client: pool, cache })
    await db.select(STANDBY).from(item).limit(1)
    expect(cache.asked).toBe(1)
    const onPrimary = drizzle({ client: pool.primary, cache })
    expect(await onPrimary.select(STANDBY).from(item).limit(1)).toEqual([{ standby: false }])
    expect(cache.asked).toBe(1)
    await pool.end()
  })

  test('drizzle() reads on the replica, and writes through $primary', async () => {
    inRegion('iad')
    const db = drizzle()
    expect(await db.select(STANDBY).from(item).limit(1)).toEqual([{ standby: true }])
    expect(await db.$primary.select(STANDBY).from(item).limit(1)).toEqual([{ standby: false }])
    await db.$client.end()
  })

  test('a checkout of our pool is a client: its transactions stay on it', async () => {
    inRegion('iad')
    const pool = new Pool({ max: 1 })
    const client = await pool.connect()
    const db = drizzle(client)
    expect(await db.transaction((tx) => tx.select(STANDBY).from(item).limit(1))).toEqual([
      { standby: true },
    ])
    const scope = openScope(database, 'iad')
    const error = await inRequest(scope, () => failure(db.insert(item).values({ name: 'x' })))
    expect(findReplayRequired(error)).toBe(scope.refusal)
    const serializable = { isolationLevel: 'serializable' } as const
    const begin = await failure(db.transaction((tx) => tx.execute(sql`select 1`), serializable))
    expect(findReplayRequired(begin)).toMatchObject({ reason: 'write' })
    client.release()
    expect(pool.totalCount).toBe(pool.idleCount)
    await pool.end()
  })

  test('a Client of ours reads on the replica, and is refused writes', async () => {
    inRegion('iad')
    const client = new Client()
    await client.connect()
    const db = drizzle({ client })
    expect(await db.select(STANDBY).from(item).limit(1)).toEqual([{ standby: true }])
    const error = await failure(db.delete(item))
    expect(findReplayRequired(error)).toMatchObject({ region: 'ewr' })
    await client.end()
  })
})

test('migrations run on $primary from a replica region, and are refused on the replica', async () => {
  await using migrated = await sharedLab().createDatabase()
  await using folder = await migrations('create table first (id int)')
  const db = drizzle({ flyback: { env: migrated.env('iad') } })
  const refused = await failure(migrate(db, { migrationsFolder: folder.path }))
  expect(findReplayRequired(refused)).toMatchObject({ reason: 'write' })
  await migrate(db.$primary, { migrationsFolder: folder.path })
  expect(await migrated.query('ewr', 'writer', 'select count(*)::int as n from first')).toEqual([
    { n: 0 },
  ])
  await db.$client.end()
})

/** A folder as drizzle-kit writes it, with one migration. */
async function migrations(text: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'flyback-drizzle-'))
  const entry = { idx: 0, version: '7', when: 1, tag: '0000_first', breakpoints: true }
  const journal = { version: '7', dialect: 'postgresql', entries: [entry] }
  await mkdir(join(path, 'meta'))
  await writeFile(join(path, 'meta/_journal.json'), JSON.stringify(journal))
  await writeFile(join(path, '0000_first.sql'), text)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

describe('with no region variables, a client that came under its name', () => {
  test('is a client whatever it looks like, as for Drizzle itself', () => {
    const schema = { item }
    const mocks = [{}, { connection: { host: 'elsewhere.invalid' } }]
    for (const mock of mocks) {
      // What a unit test passes where it needs no database.
      const client = mock as unknown as Pool
      const db = drizzle({ client, schema })
      expect(db.$client).toBe(client)
      expect(db.query.item).toBeDefined()
    }
  })
})
