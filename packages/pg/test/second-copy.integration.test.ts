import { sharedLab, type TestDatabase } from '@flyback/testkit'
import pg from 'pg'
import secondPg from 'pg-second-copy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPoolClass, Pool, type PoolConfig, ReplayRequired } from '../src/index.js'
import { failure, SCHEMA, settled } from './support.js'

const WHO = 'select pg_is_in_recovery() as standby'
const INSERT = "insert into item (name) values ('second')"
const SecondPool = createPoolClass(secondPg)

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

function open(region: string, config: PoolConfig = {}): Pool & AsyncDisposable {
  const pool = new SecondPool({ max: 1, ...config, flyback: { env: database.env(region) } })
  return Object.assign(pool, {
    async [Symbol.asyncDispose]() {
      await settled(pool)
      await pool.end()
    },
  })
}

describe('a pool class made from another copy of pg', () => {
  test('is of that copy, and not of ours', async () => {
    await using pool = open('iad')
    expect(secondPg.Pool).not.toBe(pg.Pool)
    expect(pool).toBeInstanceOf(secondPg.Pool)
    expect(pool).not.toBeInstanceOf(pg.Pool)
    expect(pool).not.toBeInstanceOf(Pool)
  })

  test('gives clients of that copy, an older one without getTransactionStatus', async () => {
    await using pool = open('iad')
    const client = await pool.connect()
    expect(client).toBeInstanceOf(secondPg.Client)
    expect(client).not.toBeInstanceOf(pg.Client)
    expect('getTransactionStatus' in client).toBe(false)
    client.release()
  })

  test('with no region variables is that copy alone', async () => {
    const pool = new SecondPool({ connectionString: database.url('ewr', 'writer') })
    const client = await pool.connect()
    expect(client.constructor).toBe(secondPg.Client)
    client.release()
    await pool.end()
  })
})

describe('a pool of another copy in a replica region', () => {
  test('reads from the member beside it, and writes through pool.primary', async () => {
    await using pool = open('iad')
    expect((await pool.query(WHO)).rows).toEqual([{ standby: true }])
    expect(pool.primary).toBeInstanceOf(secondPg.Pool)
    expect((await pool.primary.query(WHO)).rows).toEqual([{ standby: false }])
  })

  test.each<[string, (pool: Pool) => Promise<unknown>]>([
    ['promise', (pool) => pool.query(INSERT)],
    [
      'callback',
      (pool) => new Promise((ok, no) => pool.query(INSERT, (e) => (e ? no(e) : ok(undefined)))),
    ],
    [
      'Query object',
      async (pool) => {
        const client = await pool.connect()
        try {
          await new Promise((ok, no) => {
            client.query(new secondPg.Query(INSERT, (e) => (e ? no(e) : ok(undefined))))
          })
        } finally {
          client.release()
        }
      },
    ],
  ])('throws ReplayRequired at a write (%s)', async (_form, write) => {
    await using pool = open('iad')
    expect(await failure(write(pool))).toBeInstanceOf(ReplayRequired)
  })

  test('rule 9: keeps the connection of a refused write', async () => {
    await using pool = open('iad')
    let opened = 0
    pool.on('connect', () => opened++)
    for (let i = 0; i < 3; i++) await failure(pool.query(INSERT))
    await Promise.all([1, 2, 3].map(() => failure(pool.query(INSERT))))
    const client = await pool.connect()
    await client.query('begin')
    await failure(client.query(INSERT))
    client.release()
    await settled(pool)
    expect((await pool.query(WHO)).rows).toEqual([{ standby: true }])
    expect(opened).toBe(1)
  })

  test('rejects the COMMIT of a transaction whose refusal was swallowed', async () => {
    await using pool = open('iad')
    const client = await pool.connect()
    await client.query('begin')
    await client.query(INSERT).catch(() => {})
    expect(await failure(client.query('commit'))).toBeInstanceOf(ReplayRequired)
    expect((await client.query(WHO)).rows).toEqual([{ standby: true }])
    client.release()
  })

  test('answers one config object used many times, though this copy of pg writes into it', async () => {
    await using pool = open('iad')
    const config = { text: WHO }
    const client = await pool.connect()
    for (let i = 0; i < 3; i++) {
      expect((await client.query(config)).rows).toEqual([{ standby: true }])
    }
    client.release()
    for (let i = 0; i < 3; i++) {
      expect((await pool.query(config)).rows).toEqual([{ standby: true }])
    }
    expect(Object.keys(config)).toEqual(['text'])
  })
})
