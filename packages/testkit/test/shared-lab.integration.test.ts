import { sharedLab } from '@flyback/testkit'
import { expect, test } from 'vitest'

const lab = sharedLab()

test('a new database is in every region with its schema', async () => {
  await using database = await lab.createDatabase({
    schema: 'create table notes (id int); insert into notes values (1), (2)',
  })
  for (const region of lab.regions) {
    const sql = 'select count(*)::int as count from notes'
    expect(await database.query(region, 'replica', sql)).toEqual([{ count: 2 }])
  }
})

test('the writer endpoint of every region takes writes, the replica endpoint of other regions refuses them', async () => {
  await using database = await lab.createDatabase({ schema: 'create table notes (id int)' })
  for (const region of lab.regions) {
    await database.query(region, 'writer', 'insert into notes values ($1)', [1])
    if (region === lab.primaryRegion) continue
    await expect(
      database.query(region, 'replica', 'insert into notes values (2)'),
    ).rejects.toMatchObject({ code: '25006' })
  }
  const sql = 'select count(*)::int as count from notes'
  expect(await database.query('ewr', 'writer', sql)).toEqual([{ count: lab.regions.length }])
})

test('the environment of a region names its endpoints and the database', async () => {
  await using database = await lab.createDatabase()
  const env = database.env('iad')
  expect(env['FLY_REGION']).toBe('iad')
  expect(env['PRIMARY_REGION']).toBe('ewr')
  expect(env['DATABASE_URL']).toBe(database.url('iad', 'writer'))
  expect(env['FLYBACK_REPLICA_URL']).toBe(database.url('iad', 'replica'))
})

test('a dropped database is gone, and dropping it again does nothing', async () => {
  const database = await lab.createDatabase()
  await database.drop()
  await database.drop()
  await expect(database.query('ewr', 'writer', 'select 1')).rejects.toMatchObject({ code: '3D000' })
})
