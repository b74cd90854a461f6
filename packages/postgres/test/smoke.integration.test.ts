import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { failure, open, SCHEMA } from './support.js'

const lab = sharedLab()
let database: TestDatabase
beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())
test.each(['ewr', 'iad'])('smoke %s', async (region) => {
  await using o = open(database, region)
  const { sql } = o
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  expect(await sql`select ${1}::int as one`).toEqual([{ one: 1 }])
  expect(await sql.unsafe('select $1::int as one', [1])).toEqual([{ one: 1 }])
  expect(await sql`select ${sql('name')} from item where ${sql`qty = ${3}`}`).toEqual([
    { name: 'n3' },
  ])
  expect(await sql`select array[1,2] as a`).toEqual([{ a: [1, 2] }])
  expect(
    await sql.begin(async (tx) => {
      const a = await tx`select 1 as a`
      const b = await tx.savepoint((s) => s`select 2 as b`)
      return [a[0], b[0]]
    }),
  ).toEqual([{ a: 1 }, { b: 2 }])
  expect(await sql.begin((tx) => [tx`select 1 as a`, tx`select 2 as a`])).toMatchObject([
    [{ a: 1 }],
    [{ a: 2 }],
  ])
  const r = await sql.reserve()
  expect(await r`select 1 as one`).toEqual([{ one: 1 }])
  r.release()
  const rows: unknown[] = []
  for await (const batch of sql`select g from generate_series(1,5) g`.cursor(2)) rows.push(...batch)
  expect(rows).toHaveLength(5)
  await sql`select g from generate_series(1,5) g`.cursor(2, (b) => {
    rows.push(...b)
  })
  await sql`select g from generate_series(1,5) g`.forEach((b) => {
    rows.push(b)
  })
  expect(rows).toHaveLength(15)
  const out: string[] = []
  for await (const c of await sql`copy item (name) to stdout`.readable()) out.push(String(c))
  expect(out.join('')).toContain('n3')
  expect(await sql.primary`select pg_is_in_recovery() as r`).toEqual([{ r: false }])
  const insert = () => sql`insert into item (name) values ('x')`
  if (region === 'iad') {
    expect(await failure(insert())).toMatchObject({ name: 'ReplayRequired' })
  } else {
    await insert()
  }
  const heard: string[] = []
  const { unlisten } = await sql.listen('ch', (x) => heard.push(x))
  await sql.notify('ch', 'hello')
  await expect.poll(() => heard).toEqual(['hello'])
  await unlisten()
  expect(Object.keys(sql.parameters)).toContain('server_version')
})
