import { Pool } from '@flyback/pg'
import postgres from '@flyback/postgres'
import type {
  AdapterUnderTest,
  Connected,
  Items,
  Queryable,
  Transaction,
  TransactionOptions,
} from '@flyback/testkit'
import { CompiledQuery, type ControlledTransaction, type Generated, type Kysely } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import Cursor from 'pg-cursor'
import { FlybackDialect, FlybackKysely } from '../src/index.js'

export interface Database {
  item: { id: Generated<number>; name: string; qty: Generated<number> }
}

const CANNOT: AdapterUnderTest['cannot'] = {
  batches: 'Kysely sends one statement at a time',
  copy: 'Kysely has no COPY',
  listen: 'Kysely has no LISTEN of its own',
}

/** Kysely over `sql` of @flyback/postgres. */
export const kyselyOnPostgres: AdapterUnderTest = {
  name: 'Kysely on postgres.js',
  knownWrites: 'at once',
  cannot: { ...CANNOT, 'prepared statements': 'the dialect decides what is prepared: everything' },
  connect({ env, max, flyback }) {
    const over = postgres({ max, flyback: { env, ...flyback } })
    const dialect = new FlybackDialect({
      over,
      dialect: (sql) => new PostgresJSDialect({ postgres: sql }),
    })
    return connected(new FlybackKysely<Database>({ dialect }))
  },
}

/** Kysely over the Pool of @flyback/pg, as the contract uses it. */
export const kyselyOnPg: AdapterUnderTest = {
  name: 'Kysely on pg',
  knownWrites: 'at once',
  cannot: { ...CANNOT, 'prepared statements': 'Kysely gives pg no names' },
  connect({ env, max, flyback }) {
    const pool = new Pool({ max, flyback: { env, ...flyback } })
    return connected(
      new FlybackKysely<Database>({ dialect: new FlybackDialect({ pool, cursor: Cursor }) }),
    )
  },
}

function connected(db: FlybackKysely<Database>): Connected {
  return {
    ...queryable(db),
    primary: queryable(db.withPrimary()),
    transaction: (work, options) => transaction(db, work, options),
    async stream(sql, onRow) {
      const rows = db.getExecutor().stream<Record<string, unknown>>(CompiledQuery.raw(sql), 1)
      for await (const chunk of rows) for (const row of chunk.rows) onRow(row)
    },
    session: (work) => db.connection().execute((held) => work(queryable(held))),
    end: () => db.destroy(),
  }
}

function queryable(db: Kysely<Database>): Queryable {
  const items: Items = {
    find: (name) => db.selectFrom('item').selectAll().where('name', '=', name).executeTakeFirst(),
    insert: (name) => db.insertInto('item').values({ name }).execute(),
    update: async (name, qty) => {
      const [result] = await db.updateTable('item').set({ qty }).where('name', '=', name).execute()
      return Number(result?.numUpdatedRows)
    },
    remove: async (name) => {
      const [result] = await db.deleteFrom('item').where('name', '=', name).execute()
      return Number(result?.numDeletedRows)
    },
  }
  return {
    items,
    async query(sql, params = []) {
      const { rows } = await db.executeQuery<Record<string, unknown>>(
        CompiledQuery.raw(sql, [...params]),
      )
      return rows
    },
  }
}

/** A controlled transaction, which alone has savepoints; it is ended as Kysely's documentation does it. */
async function transaction<T>(
  db: Kysely<Database>,
  work: (tx: Transaction) => Promise<T>,
  { isolationLevel, accessMode }: TransactionOptions = {},
): Promise<T> {
  let builder = db.startTransaction()
  if (isolationLevel !== undefined) builder = builder.setIsolationLevel(isolationLevel)
  if (accessMode !== undefined) builder = builder.setAccessMode(accessMode)
  const tx = await builder.execute()
  try {
    const result = await work(nested(tx, 0))
    await tx.commit().execute()
    return result
  } catch (error) {
    await tx.rollback().execute()
    throw error
  }
}

function nested(tx: ControlledTransaction<Database>, depth: number): Transaction {
  return {
    ...queryable(tx),
    async savepoint(work) {
      const name = `s${depth}`
      const saved = await tx.savepoint(name).execute()
      try {
        const result = await work(nested(saved, depth + 1))
        await saved.releaseSavepoint(name).execute()
        return result
      } catch (error) {
        await saved.rollbackToSavepoint(name).execute()
        throw error
      }
    },
  }
}
