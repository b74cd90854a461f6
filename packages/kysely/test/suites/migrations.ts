import { sharedLab, type TestDatabase } from '@flyback/testkit'
import * as kysely from 'kysely'
import { Migrator as CurrentMigrator } from 'kysely/migration'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findReplayRequired, withPrimary } from '../../src/index.js'
import { onStandby, openDb, SCHEMA } from '../support.js'

/** Kysely's migrator, which takes an advisory lock and writes. */
export function describeMigrations(): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  // It moved out of the main entry with 0.29, whose types say so in its place.
  const formerly: unknown = Reflect.get(kysely, 'Migrator')
  const Migrator = (formerly ?? CurrentMigrator) as typeof CurrentMigrator
  const provider = {
    getMigrations: async () => ({
      one: {
        up: async (db: kysely.Kysely<never>) => await db.schema.createTable('migrated').execute(),
      },
    }),
  }

  describe('migrations', () => {
    test('in a replica region are refused, and say where they belong', async () => {
      await using open = openDb(database, 'iad', { max: 1 })
      const { error, results } = await new Migrator({ db: open.db, provider }).migrateToLatest()
      expect(findReplayRequired(error)).toMatchObject({ region: 'ewr', reason: 'known-write' })
      expect(results ?? []).toEqual([])
      expect(await onStandby(open.db)).toBe(true)
    })

    test('run there over the primary, and in the primary region', async () => {
      await using far = openDb(database, 'iad', { max: 1 })
      const first = await new Migrator({ db: withPrimary(far.db), provider }).migrateToLatest()
      expect(first.error).toBeUndefined()
      expect(first.results).toMatchObject([{ migrationName: 'one', status: 'Success' }])
      await using near = openDb(database, 'ewr', { max: 1 })
      const second = await new Migrator({ db: near.db, provider }).migrateToLatest()
      expect(second).toMatchObject({ results: [] })
    })
  })
}
