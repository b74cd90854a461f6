import { Pool } from '@flyback/pg'
import postgres from '@flyback/postgres'
import { type Dialect, type Generated, Kysely, PostgresDialect } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { expectTypeOf, test } from 'vitest'
import { FlybackDialect, FlybackKysely, withPrimary } from '../src/index.js'

interface Database {
  account: { id: Generated<number>; email: string }
}

test('a FlybackDialect is a Dialect, of each kind', () => {
  const pool = new FlybackDialect({ pool: new Pool(), cursor: Cursor })
  const later = new FlybackDialect({ pool: async () => new Pool() })
  const overSql = new FlybackDialect({
    over: postgres(),
    dialect: (sql) => new PostgresJSDialect({ postgres: sql }),
  })
  const overPool = new FlybackDialect({
    over: new Pool(),
    dialect: (side) => new PostgresDialect({ pool: side }),
  })
  const plain = () => new PostgresDialect({ pool: new pg.Pool() })
  const pair = new FlybackDialect({
    writer: plain(),
    replica: plain(),
    flyback: { whenReplicaDown: 'replay' },
    cluster: 'main',
  })
  for (const dialect of [pool, later, overSql, overPool, pair]) {
    expectTypeOf(dialect).toExtend<Dialect>()
  }
})

test('what is no configuration does not compile', () => {
  const wrong = [
    // @ts-expect-error a pool of pg has no primary
    () => new FlybackDialect({ pool: new pg.Pool() }),
    // @ts-expect-error a pair is two
    () => new FlybackDialect({ writer: new PostgresDialect({ pool: new Pool() }) }),
    // @ts-expect-error the pool has its options
    () => new FlybackDialect({ pool: new Pool(), flyback: {} }),
  ]
  expectTypeOf(wrong).toBeArray()
})

test('queries have the types of Kysely', () => {
  const db = new FlybackKysely<Database>({ dialect: new FlybackDialect({ pool: new Pool() }) })
  expectTypeOf(db).toExtend<Kysely<Database>>()
  const query = () => db.selectFrom('account').selectAll().executeTakeFirstOrThrow()
  expectTypeOf(query).returns.resolves.toEqualTypeOf<{ id: number; email: string }>()
  // @ts-expect-error no such table
  db.selectFrom('nowhere')
})

test('withPrimary() keeps the type of the database', () => {
  const dialect = new FlybackDialect({ pool: new Pool() })
  const ours = new FlybackKysely<Database>({ dialect })
  const theirs = new Kysely<Database>({ dialect })
  expectTypeOf(ours.withPrimary()).toEqualTypeOf<Kysely<Database>>()
  expectTypeOf(withPrimary(ours)).toEqualTypeOf<Kysely<Database>>()
  expectTypeOf(withPrimary(theirs)).toEqualTypeOf<Kysely<Database>>()
  expectTypeOf(withPrimary(theirs.withSchema('public'))).toEqualTypeOf<Kysely<Database>>()
})
