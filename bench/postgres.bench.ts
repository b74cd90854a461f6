import { Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import postgres from '@flyback/postgres'
import { sharedLab } from '@flyback/testkit'
import driver from 'postgres'
import { test } from 'vitest'

// What do lanes, one driver instance for each connection, cost? All talk to the same server; the runner takes turns.

test('a read, one after the other', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase()
  const bare = driver(database.url('iad', 'replica'), { max: 1 })
  const ours = postgres({ max: 1, flyback: { env: database.env('iad') } })
  const scope = new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
  await bench.compare(
    bench('postgres', async () => {
      await bare`select 1`
    }),
    bench('@flyback/postgres, no scope', async () => {
      await ours`select 1`
    }),
    bench('@flyback/postgres, in a scope', async () => {
      await runInScope(scope, () => ours`select 1`)
    }),
    { time: 2000 },
  )
  await Promise.all([bare.end(), ours.end()])
})

test('200 reads at once over 4 connections', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase()
  const bare = driver(database.url('iad', 'replica'), { max: 4 })
  const ours = postgres({ max: 4, flyback: { env: database.env('iad') } })
  const burst = async (sql: driver.Sql): Promise<void> => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => sql`select ${i}::int`))
  }
  await bench.compare(
    bench('postgres', () => burst(bare)),
    bench('@flyback/postgres', () => burst(ours)),
    { time: 2000 },
  )
  await Promise.all([bare.end(), ours.end()])
})

test('a transaction of two reads', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase()
  const bare = driver(database.url('iad', 'replica'), { max: 1 })
  const ours = postgres({ max: 1, flyback: { env: database.env('iad') } })
  await bench.compare(
    bench('postgres', async () => {
      await bare.begin((tx) => [tx`select 1`, tx`select 2`])
    }),
    bench('@flyback/postgres', async () => {
      await ours.begin((tx) => [tx`select 1`, tx`select 2`])
    }),
    { time: 2000 },
  )
  await Promise.all([bare.end(), ours.end()])
})
