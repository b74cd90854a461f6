import { Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import { Pool } from '@flyback/pg'
import { sharedLab } from '@flyback/testkit'
import pg from 'pg'
import { test } from 'vitest'

// What does Flyback add to a query? Both pools talk to the same server; the runs are interleaved by the runner.

test('a read, against the bare driver', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase()
  const env = database.env('iad')
  const bare = new pg.Pool({ connectionString: database.url('iad', 'replica'), max: 1 })
  const ours = new Pool({ max: 1, flyback: { env } })
  const scope = new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
  await bench.compare(
    bench('pg', async () => {
      await bare.query('select 1')
    }),
    bench('@flyback/pg, no scope', async () => {
      await ours.query('select 1')
    }),
    bench('@flyback/pg, in a scope', async () => {
      await runInScope(scope, () => ours.query('select 1'))
    }),
    { time: 2000 },
  )
  await Promise.all([bare.end(), ours.end()])
})

test('a refused write, against the bare driver', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase({ schema: 'create table item (id int)' })
  const env = database.env('iad')
  const bare = new pg.Pool({ connectionString: database.url('iad', 'replica'), max: 1 })
  const ours = new Pool({ max: 1, flyback: { env } })
  await bench.compare(
    bench('pg: the pool destroys the connection', async () => {
      await bare.query('insert into item values (1)').catch(() => {})
    }),
    bench('@flyback/pg: the connection is kept', async () => {
      await ours.query('insert into item values (1)').catch(() => {})
    }),
    { time: 2000 },
  )
  await Promise.all([bare.end(), ours.end()])
})
