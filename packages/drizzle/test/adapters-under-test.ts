import { Pool } from '@flyback/pg'
import postgres from '@flyback/postgres'
import type {
  AdapterUnderTest,
  Connected,
  ConnectOptions,
  Queryable,
  Row,
  Transaction,
} from '@flyback/testkit'
import { eq, type SQL, sql } from 'drizzle-orm'
import { drizzle as drizzleNodePostgres } from '../src/node-postgres.js'
import { drizzle as drizzlePostgresJs } from '../src/postgres-js.js'
import { type Database, item, rowsOf } from './support.js'

/** What Drizzle has no words for, on Postgres; the driver below it has. */
const CANNOT: AdapterUnderTest['cannot'] = {
  batches: 'Drizzle has none on Postgres',
  copy: 'of the driver: db.$client',
  listen: 'of the driver: db.$client',
  sessions: 'of the driver: db.$client',
  streams: 'of the driver: db.$client',
}

/** Drizzle, as the contract of all adapters sees it. */
export const drizzleOnNodePostgres: AdapterUnderTest = {
  name: 'Drizzle node-postgres',
  knownWrites: 'one round trip',
  cannot: CANNOT,
  connect({ env, max, flyback }) {
    const client = new Pool({ max, flyback: { env, ...flyback } })
    return connected(drizzleNodePostgres({ client }), () => client.end())
  },
}

export const drizzleOnPostgresJs: AdapterUnderTest = {
  name: 'Drizzle postgres-js',
  knownWrites: 'one round trip',
  cannot: CANNOT,
  connect({ env, max, flyback }: ConnectOptions) {
    const client = postgres({ max, onnotice: () => {}, flyback: { env, ...flyback } })
    return connected(drizzlePostgresJs({ client }), () => client.end())
  },
}

type Db = Omit<Database, 'query' | '_' | 'transaction'> & {
  readonly _: { readonly session: Pick<Database['_']['session'], 'prepareQuery'> }
}

interface TopLevel extends Db {
  readonly $primary: Db
  transaction<T>(work: (tx: Inner) => Promise<T>, config?: object): Promise<T>
}

interface Inner extends Db {
  transaction<T>(work: (tx: Inner) => Promise<T>): Promise<T>
}

function connected(db: TopLevel, end: () => Promise<unknown>): Connected {
  return {
    ...queryable(db),
    primary: queryable(db.$primary),
    transaction: (work, options) => db.transaction((tx) => work(transaction(tx)), options),
    prepared: async (text, params) =>
      rowsOf(
        await db._.session
          .prepareQuery({ sql: text, params: [...params] }, undefined, text, false)
          .execute(),
      ),
    end,
  }
}

function transaction(tx: Inner): Transaction {
  return {
    ...queryable(tx),
    savepoint: (work) => tx.transaction((inner) => work(transaction(inner))),
  }
}

function queryable(db: Db): Queryable {
  return {
    query: async (text, params) => rowsOf(await db.execute(withParams(text, params))),
    items: {
      async find(name): Promise<Row | undefined> {
        return (await db.select().from(item).where(eq(item.name, name)))[0]
      },
      insert: async (name) => await db.insert(item).values({ name }),
      update: async (name, qty) =>
        (await db.update(item).set({ qty }).where(eq(item.name, name)).returning()).length,
      remove: async (name) => (await db.delete(item).where(eq(item.name, name)).returning()).length,
    },
  }
}

/** Drizzle has no raw form with `$1`: its parameters stand where they are used. */
function withParams(text: string, params: readonly unknown[] = []): SQL {
  const parts = text.split(/\$(\d+)/)
  const chunks = parts.map((part, at) =>
    at % 2 === 0 ? sql.raw(part) : sql`${params[Number(part) - 1]}`,
  )
  return sql.join(chunks)
}
