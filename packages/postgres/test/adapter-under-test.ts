import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { AdapterUnderTest, Items, Queryable, Row } from '@flyback/testkit'
import type driver from 'postgres'
import postgres, { type Postgres } from '../src/index.js'

type AnySql = driver.ISql

/** postgres.js, as the contract of all adapters sees it. */
export const postgresJs: AdapterUnderTest = adapterUnderTest('postgres.js', postgres)

/** A copy of it made with another version of the driver. */
export function adapterUnderTest(name: string, make: Postgres): AdapterUnderTest {
  return {
    name,
    knownWrites: 'one round trip',
    cannot: {},
    connect({ env, max, flyback }) {
      const sql = make({ max, onnotice: () => {}, flyback: { ...flyback, env } })
      return {
        ...queryable(sql),
        primary: queryable(sql.primary),
        transaction: (work, options = {}) => {
          const { isolationLevel, accessMode } = options
          const modes = [isolationLevel && `isolation level ${isolationLevel}`, accessMode]
          return unwrap(sql.begin(modes.filter(Boolean).join(' '), (tx) => work(transaction(tx))))
        },
        batch: (statements) => sql.begin((tx) => statements.map((each) => tx.unsafe(each))),
        async stream(query, onRow) {
          for await (const rows of sql.unsafe<Row[]>(query).cursor(1))
            for (const row of rows) onRow(row)
        },
        async copyIn(copy, lines) {
          await pipeline(Readable.from([lines]), await sql.unsafe(copy).writable())
        },
        copyOut: async (copy) => await text(await sql.unsafe(copy).readable()),
        prepared: async (query, params) => [
          ...(await sql.unsafe<Row[]>(query, params as never[], { prepare: true })),
        ],
        async listen(channel, onMessage) {
          const { unlisten } = await sql.listen(channel, onMessage)
          return unlisten
        },
        async session(work) {
          const reserved = await sql.reserve()
          try {
            return await work(queryable(reserved))
          } finally {
            reserved.release()
          }
        },
        end: () => sql.end(),
      }
    },
  }
}

/** What `begin` resolves to, where the driver's types see only an array of promises or not. */
function unwrap<T>(result: Promise<unknown>): Promise<T> {
  return result as Promise<T>
}

function transaction(tx: driver.TransactionSql): ReturnType<typeof queryable> & {
  savepoint<T>(work: (inner: ReturnType<typeof transaction>) => Promise<T>): Promise<T>
} {
  return {
    ...queryable(tx),
    savepoint: (work) => unwrap(tx.savepoint((inner) => work(transaction(inner)))),
  }
}

function queryable(sql: AnySql): Queryable {
  const items: Items = {
    find: async (name) => (await sql<Row[]>`select * from item where name = ${name}`)[0],
    insert: (name) => sql`insert into item ${sql({ name })}`,
    update: async (name, qty) =>
      (await sql`update item set ${sql({ qty })} where name = ${name}`).count,
    remove: async (name) => (await sql`delete from item where name = ${name}`).count,
  }
  return {
    // The driver's types of parameters are narrower than what it takes.
    query: async (query, params = []) => [...(await sql.unsafe<Row[]>(query, params as never[]))],
    items,
  }
}
