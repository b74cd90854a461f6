import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { AdapterUnderTest, Queryable, Transaction, TransactionOptions } from '@flyback/testkit'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { Pool } from '../src/index.js'

/** node-postgres as the contract uses it. */
export const nodePostgres: AdapterUnderTest = {
  name: 'node-postgres',
  knownWrites: 'one round trip',
  cannot: { batches: 'pg sends what it is given, and makes no transaction of its own' },
  connect({ env, max, flyback }) {
    const pool = new Pool({ max, flyback: { env, ...flyback } })
    return {
      ...queryable(pool),
      primary: queryable(pool.primary),
      transaction: (work, options) =>
        withClient(pool, (client) => transaction(client, work, options)),
      stream: (sql, onRow) =>
        withClient(pool, async (client) => {
          const options = { batchSize: 1, highWaterMark: 1 }
          for await (const row of client.query(new QueryStream(sql, [], options))) onRow(row)
        }),
      copyIn: (sql, lines) =>
        withClient(pool, (client) => pipeline(Readable.from([lines]), client.query(copyFrom(sql)))),
      copyOut: (sql) => withClient(pool, (client) => text(client.query(copyTo(sql)))),
      prepared: async (sql, params) => {
        const { rows } = await pool.query({ name: sql, text: sql }, [...params])
        return rows
      },
      async listen(channel, onMessage) {
        const client = await pool.primary.connect()
        client.on('notification', ({ payload = '' }) => onMessage(payload))
        await client.query(`listen ${channel}`)
        return async () => client.release(true)
      },
      session: (work) => withClient(pool, (client) => work(queryable(client))),
      end: () => pool.end(),
    }
  },
}

function queryable(on: pg.Pool | pg.PoolClient): Queryable {
  const count = async (sql: string, params: unknown[]): Promise<number> =>
    (await on.query(sql, params)).rowCount ?? 0
  return {
    query: async (sql, params) =>
      (await on.query(sql, params === undefined ? undefined : [...params])).rows,
    items: {
      find: async (name) => (await on.query('select * from item where name = $1', [name])).rows[0],
      insert: (name) => on.query('insert into item (name) values ($1)', [name]),
      update: (name, qty) => count('update item set qty = $2 where name = $1', [name, qty]),
      remove: (name) => count('delete from item where name = $1', [name]),
    },
  }
}

async function withClient<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

/** A transaction as one writes it with pg: ROLLBACK on the way out, whose own failure hides nothing. */
async function transaction<T>(
  client: pg.PoolClient,
  work: (tx: Transaction) => Promise<T>,
  { isolationLevel, accessMode }: TransactionOptions = {},
): Promise<T> {
  const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
  await client.query(`begin${level} ${accessMode ?? ''}`)
  try {
    const result = await work(nested(client, 0))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

function nested(client: pg.PoolClient, depth: number): Transaction {
  return {
    ...queryable(client),
    async savepoint(work) {
      await client.query(`savepoint s${depth}`)
      try {
        const result = await work(nested(client, depth + 1))
        await client.query(`release savepoint s${depth}`)
        return result
      } catch (error) {
        await client.query(`rollback to savepoint s${depth}`).catch(() => {})
        throw error
      }
    },
  }
}
