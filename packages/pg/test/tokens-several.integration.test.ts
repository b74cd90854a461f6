import { type Lab, startLab } from '@flyback/lab'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure } from './support.js'
import { INSERT, type TokenApp, tokenApp } from './token-support.js'

let lab: Lab
let app: TokenApp

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr'] })
  app = tokenApp(lab, await lab.createDatabase())
  await using pool = app.open('ewr')
  await pool.query('create table item (id serial primary key, name text)')
})
afterAll(() => lab.close())

/** What a request adds that uses one client. */
async function issued(work: (client: pg.PoolClient) => Promise<unknown>): Promise<string[]> {
  await using pool = app.open('ewr')
  return await app.request('ewr', undefined, async (scope) => {
    const client = await pool.connect()
    await work(client)
    const types = scope.tokens.issued.map(({ type }) => type)
    client.release()
    return types
  })
}

describe('rule 6: what was committed is in the scope', () => {
  test('with a READ ONLY transaction sent before the commit is answered', async () => {
    const types = await issued(async (client) => {
      const sent = ['begin', INSERT, 'commit', 'begin read only'].map((sql) => client.query(sql))
      await Promise.all(sent)
      await client.query('commit')
    })
    expect(types).toEqual(['position'])
  })

  test.each([
    ['begin read only', 'set transaction_read_only = off'],
    ['begin read only, read write', 'select 1'],
    ['begin /* not read only */', 'select 1'],
  ])('after "%s" and "%s"', async (begin, next) => {
    const types = await issued(async (client) => {
      for (const sql of [begin, next, INSERT, 'commit']) await client.query(sql)
    })
    expect(types).toEqual(['position'])
  })

  test('with several statements in one query object, of which the last reads', async () => {
    const types = await issued(async (client) => {
      const query = client.query(new pg.Query(`${INSERT}; select 1`))
      await new Promise((resolve, reject) => query.on('end', resolve).on('error', reject))
    })
    expect(types).toEqual(['position'])
  })

  test.each([`${INSERT}; commit; select 1/0`, 'commit; select 1/0'])(
    'as a pin, when "%s" fails in an open transaction, with the error of the driver',
    async (sql) => {
      const types = await issued(async (client) => {
        await client.query('begin')
        await client.query(INSERT)
        expect(await failure(client.query(sql))).toMatchObject({ code: '22012' })
      })
      expect(types).toEqual(['pin'])
    },
  )

  test('but not as a pin, when one statement fails that commits nothing', async () => {
    const types = await issued(async (client) => {
      await client.query('begin')
      expect(await failure(client.query('select 1/0'))).toMatchObject({ code: '22012' })
      await client.query('rollback')
    })
    expect(types).toEqual([])
  })
})

test('what is ours is read as text, whatever parsers the app has for that', async () => {
  await using pool = app.open('ewr', {
    types: { getTypeParser: () => (value: unknown) => [value] },
  })
  expect(await app.write(pool)).toMatch(/^1\.(?!pin)/)
})
