import { findReplayRequired } from '@flyback/core'
import { runOnPrimary } from '@flyback/core/scope'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { eq, getTableName, is, sql, Table } from 'drizzle-orm'
import { Cache, type MutationOption } from 'drizzle-orm/cache/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fixture, failure, inRequest, item, openScope, SCHEMA } from '../support.js'

/** A cache as users write them: in memory, invalidated by table. */
class MemoryCache extends Cache {
  readonly entries = new Map<string, { rows: unknown[]; tables: readonly string[] }>()
  hits = 0

  override strategy(): 'all' {
    return 'all'
  }

  override async get(key: string): Promise<unknown[] | undefined> {
    const entry = this.entries.get(key)
    if (entry !== undefined) this.hits++
    return await Promise.resolve(entry?.rows)
  }

  override async put(key: string, rows: unknown, tables: string[]): Promise<void> {
    // What the driver gave, rows or a result that holds them: Drizzle wants the same back.
    this.entries.set(key, { rows: rows as unknown[], tables })
    await Promise.resolve()
  }

  override async onMutate({ tables = [] }: MutationOption): Promise<void> {
    const names = [tables].flat().map((table) => (is(table, Table) ? getTableName(table) : table))
    for (const [key, entry] of this.entries) {
      if (entry.tables.some((table) => names.includes(table))) this.entries.delete(key)
    }
    await Promise.resolve()
  }
}

/** Drizzle's cache must not show a request the past of what it wrote. */
export function cache(fixture: Fixture): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  test('$cache is the one that was given, with its invalidate, on both', async () => {
    const memory = new MemoryCache()
    await using open = fixture.open(database, 'iad', { cache: memory })
    expect(open.db.$cache).toBe(memory)
    expect(open.db.$primary.$cache).toBe(memory)
    await open.db.select().from(item)
    expect(memory.entries.size).toBe(1)
    await open.db.$cache.invalidate({ tables: item })
    expect(memory.entries.size).toBe(0)
  })

  test('a read is answered from the cache, on the replica as on the primary', async () => {
    for (const region of ['iad', 'ewr']) {
      const memory = new MemoryCache()
      await using open = fixture.open(database, region, { cache: memory })
      const rows = await open.db.select().from(item)
      expect(await open.db.select().from(item)).toEqual(rows)
      expect(memory.hits).toBe(1)
    }
  })

  describe('rule 12: a request that wrote reads past the cache, and fills it from the primary', () => {
    const find = sql`name = 'n1'`
    test.each(['execute', 'update'] as const)('after an %s', async (form) => {
      await using written = await lab.createDatabase({ schema: SCHEMA })
      const memory = new MemoryCache()
      await using open = fixture.open(written, 'iad', { cache: memory })
      const read = () => open.db.select().from(item).where(find)
      expect(await read()).toMatchObject([{ qty: 1 }])
      await inRequest(openScope(written, 'iad', false), async () => {
        const db = open.db.$primary
        if (form === 'update') await db.update(item).set({ qty: 99 }).where(eq(item.name, 'n1'))
        // Raw SQL invalidates nothing in Drizzle's cache.
        else await db.execute(sql`update item set qty = 99 where name = 'n1'`)
        expect(await read()).toMatchObject([{ qty: 99 }])
        expect(await open.db.transaction((tx) => tx.select().from(item).where(find))).toMatchObject(
          [{ qty: 99 }],
        )
      })
      expect(await read()).toMatchObject([{ qty: 99 }])
      expect(memory.hits).toBe(1)
    })
  })

  test('$primary reads past what was cached from the replica', async () => {
    const memory = new MemoryCache()
    await using open = fixture.open(database, 'iad', { cache: memory })
    const standby = { s: sql<boolean>`pg_is_in_recovery()` }
    expect(await open.db.select(standby).from(item).limit(1)).toEqual([{ s: true }])
    expect(await open.db.$primary.select(standby).from(item).limit(1)).toEqual([{ s: false }])
    expect(memory.hits).toBe(0)
  })

  test('a row from the cache counts as a read of the replica: work on the primary after it is replayed', async () => {
    const memory = new MemoryCache()
    await using open = fixture.open(database, 'iad', { cache: memory })
    const read = () => open.db.select().from(item).where(sql`name = 'n1'`)
    await read()
    const scope = openScope(database, 'iad')
    const error = await inRequest(scope, async () => {
      await read()
      return await failure(runOnPrimary(async () => await open.db.$primary.delete(item)))
    })
    expect(memory.hits).toBe(1)
    expect(findReplayRequired(error)).toMatchObject({ reason: 'mixed-reads', replayable: true })
  })

  test('a refused write is found in the error of the cache that waited for it', async () => {
    const memory = new MemoryCache()
    await using open = fixture.open(database, 'iad', { cache: memory })
    const error = await failure(open.db.update(item).set({ qty: 2 }))
    expect(findReplayRequired(error)).toMatchObject({ reason: 'write' })
  })

  test('$withCache(false) and a query without tables are not cached', async () => {
    const memory = new MemoryCache()
    await using open = fixture.open(database, 'iad', { cache: memory })
    await open.db.select().from(item).$withCache(false)
    await open.db.execute(sql`select 1`)
    expect(memory.entries.size).toBe(0)
  })
}
