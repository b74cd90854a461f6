import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expectTypeOf, test } from 'vitest'
import {
  Client,
  type ClientConfig,
  createPoolClass,
  type FlybackOptions,
  Pool,
  type PoolClient,
  type PoolConfig,
} from '../src/index.js'

interface Item {
  id: number
  name: string
}

declare const pool: Pool

describe('a Pool', () => {
  test('is a pg.Pool where one is asked for', () => {
    expectTypeOf<Pool>().toExtend<pg.Pool>()
    expectTypeOf(new Pool()).toEqualTypeOf<Pool>()
    expectTypeOf<pg.Pool>().not.toExtend<Pool>()
    expectTypeOf(createPoolClass(pg)).toEqualTypeOf<typeof Pool>()
  })

  test('has a pg.Pool as its primary', () => {
    expectTypeOf(pool.primary).toEqualTypeOf<pg.Pool>()
    // @ts-expect-error -- primary is read-only
    pool.primary = pool
  })

  test('takes all options of pg, and ours under flyback', () => {
    expectTypeOf<pg.PoolConfig>().toExtend<PoolConfig>()
    expectTypeOf<keyof PoolConfig>().toEqualTypeOf<keyof pg.PoolConfig | 'flyback'>()
    expectTypeOf<NonNullable<PoolConfig['flyback']>>().toEqualTypeOf<FlybackOptions>()
    void new Pool({ max: 1, connectionString: 'postgres://', flyback: { env: process.env } })
    void new Pool({ flyback: { replicaUrl: { iad: 'postgres://' }, whenReplicaDown: 'fail' } })
  })

  test('takes no other options', () => {
    // @ts-expect-error -- no option of pg
    void new Pool({ maximum: 1 })
    // @ts-expect-error -- no option of ours
    void new Pool({ flyback: { replicaURL: 'postgres://' } })
    // @ts-expect-error -- no such choice
    void new Pool({ flyback: { whenReplicaDown: 'panic' } })
    // @ts-expect-error -- milliseconds are a number
    void new Pool({ flyback: { writerDeadlineMs: '5s' } })
  })

  test('keeps the results of each form of query', () => {
    expectTypeOf(pool.query<Item>('')).resolves.toEqualTypeOf<pg.QueryResult<Item>>()
    expectTypeOf(pool.query<Item>('', [1])).resolves.toEqualTypeOf<pg.QueryResult<Item>>()
    expectTypeOf(pool.query<Item>({ text: '' })).resolves.toEqualTypeOf<pg.QueryResult<Item>>()
    expectTypeOf(
      pool.query<[number, string]>({ text: '', rowMode: 'array' }),
    ).resolves.toEqualTypeOf<pg.QueryArrayResult<[number, string]>>()
    expectTypeOf(pool.query('', () => {})).toEqualTypeOf<void>()
    pool.query<Item>('', (_error, result) => {
      expectTypeOf(result.rows).toEqualTypeOf<Item[]>()
    })
    pool.query<Item, [number]>('', [1], (_error, result) => {
      expectTypeOf(result.rows).toEqualTypeOf<Item[]>()
    })
    // @ts-expect-error -- a number is no query
    void pool.query(1)
  })

  test('returns a Submittable as what it is', () => {
    expectTypeOf(pool.query(new Cursor<Item>(''))).toEqualTypeOf<Cursor<Item>>()
    expectTypeOf(pool.query(new QueryStream(''))).toEqualTypeOf<QueryStream>()
    expectTypeOf(pool.query(new pg.Query(''))).toEqualTypeOf<pg.Query>()
  })

  test('gives clients of pg', () => {
    expectTypeOf(pool.connect()).resolves.toEqualTypeOf<PoolClient>()
    expectTypeOf<PoolClient>().toEqualTypeOf<pg.PoolClient>()
    pool.connect((error, client, release) => {
      expectTypeOf(error).toEqualTypeOf<Error | undefined>()
      expectTypeOf(client).toEqualTypeOf<pg.PoolClient | undefined>()
      release()
    })
    pool.on('error', (error, client) => {
      expectTypeOf(error).toEqualTypeOf<Error>()
      expectTypeOf(client).toEqualTypeOf<pg.PoolClient>()
    })
  })

  test('can be extended', () => {
    class Mine extends Pool {
      readonly mine = true
    }
    expectTypeOf<Mine>().toExtend<Pool>()
    expectTypeOf(new Mine({ max: 1 }).primary).toEqualTypeOf<pg.Pool>()
  })
})

describe('a Client', () => {
  test('is a pg.Client, from a string or a config', () => {
    expectTypeOf<Client>().toExtend<pg.Client>()
    expectTypeOf(new Client()).toEqualTypeOf<Client>()
    expectTypeOf(new Client('postgres://')).toEqualTypeOf<Client>()
    expectTypeOf(new Client({ flyback: { env: {} } })).toEqualTypeOf<Client>()
    expectTypeOf<keyof ClientConfig>().toEqualTypeOf<keyof pg.ClientConfig | 'flyback'>()
    // @ts-expect-error -- max is an option of pools
    void new Client({ max: 1 })
  })

  test('keeps the results of each form of query', () => {
    const client = new Client()
    expectTypeOf(client.query<Item>('')).resolves.toEqualTypeOf<pg.QueryResult<Item>>()
    expectTypeOf(client.query(new Cursor<Item>(''))).toEqualTypeOf<Cursor<Item>>()
  })
})
