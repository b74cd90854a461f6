import { parseToken, printToken } from '@flyback/core'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { INSERT, type TokenApp, tokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp
/** Committed, and read, after the failover on connections that were open before it. */
let written: string
let seen: string

const MONOTONIC = { consistency: { monotonic: true } } as const

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  database = await lab.createDatabase()
  app = tokenApp(lab, database)
  await onOldPrimary('create table item (id serial primary key, name text)')
  await using pool = app.open('iad', { max: 1 })
  await using far = app.open('syd', { max: 1 })
  let before: string
  {
    await using primary = app.open('ewr')
    before = await app.write(primary)
  }
  await lab.caughtUp()
  expect(await app.reader(pool, 'iad', before)).toBe('replica')
  expect(await app.reader(far, 'syd', before, MONOTONIC)).toBe('replica')

  // The old primary goes further than the new one will, and nobody has it.
  lab.cut('ewr')
  await onOldPrimary(
    `insert into item (name) select repeat('x', 500) from generate_series(1, 4000)`,
  )
  await lab.promote('iad')
  lab.heal('ewr')
  written = await tokenOf('iad', pool, INSERT)
  await lab.caughtUp('syd')
  seen = await tokenOf('syd', far, 'select count(*) from item')
  await lab.start('ewr', { as: 'replica' })
})
afterAll(() => lab.close())

async function onOldPrimary(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url('ewr', 'replica') })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

async function tokenOf(region: string, pool: pg.Pool, sql: string): Promise<string> {
  const options = { role: 'replica', canReplay: false, ...MONOTONIC } as const
  return await app.request(
    region,
    undefined,
    async (scope) => {
      await pool.query(sql)
      return printToken(scope.tokens.issued)
    },
    options,
  )
}

test.each([
  ['a commit on a connection that was open when its member was promoted', () => written],
  ['a read on a connection that was open when its member followed', () => seen],
])(
  'rule 10: %s counts for the new timeline, and the old primary is not trusted with it',
  async (_what, token) => {
    expect(parseToken(token())).toMatchObject([{ type: 'position', timeline: 2 }])
    await using pool = app.open('syd', { flyback: { replicaUrl: database.url('ewr', 'replica') } })
    expect(await app.reader(pool, 'syd', undefined)).toBe('replica')
    expect(await app.reader(pool, 'syd', token())).toBe('stale')
  },
)
