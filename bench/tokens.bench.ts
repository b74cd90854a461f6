import { Scope, type ScopeOptions } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import { Pool } from '@flyback/pg'
import { sharedLab } from '@flyback/testkit'
import { test } from 'vitest'

// What do tokens cost? A request each, in turn on the same connection.

const SCHEMA = `create table item (id int generated always as identity primary key, name text);
  insert into item (name) values ('a')`

async function request(options: ScopeOptions, work: () => Promise<unknown>): Promise<Scope> {
  const scope = new Scope(options)
  await runInScope(scope, work)
  scope.end()
  return scope
}

test('a write, with and without its position', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase({ schema: SCHEMA })
  const pool = new Pool({ max: 1, flyback: { env: database.env('ewr') } })
  const primary = { role: 'primary', primaryRegion: 'ewr', canReplay: false } as const
  const write = () => pool.query("insert into item (name) values ('b')")
  await bench.compare(
    bench('not captured', async () => {
      await request({ ...primary, captures: false }, write)
    }),
    bench('captured', async () => {
      await request(primary, write)
    }),
    { time: 2000 },
  )
  await pool.end()
})

test('a read, with a token and without one', { timeout: 120_000 }, async ({ bench }) => {
  await using database = await sharedLab().createDatabase({ schema: SCHEMA })
  const writer = new Pool({ max: 1, flyback: { env: database.env('ewr') } })
  const pool = new Pool({ max: 1, flyback: { env: database.env('iad') } })
  const primary = { role: 'primary', primaryRegion: 'ewr', canReplay: false } as const
  const { tokens } = await request(primary, () => writer.query("update item set name = 'c'"))
  await sharedLab().caughtUp()
  const replica = { role: 'replica', primaryRegion: 'ewr', canReplay: true } as const
  const read = () => pool.query('select name from item where id = $1', [1])
  await bench.compare(
    bench('no token', async () => {
      await request(replica, read)
    }),
    bench('a token that its connection has caught up with', async () => {
      await request({ ...replica, token: tokens.issued }, read)
    }),
    { time: 2000 },
  )
  await Promise.all([writer.end(), pool.end()])
})
