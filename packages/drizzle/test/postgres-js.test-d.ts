import type { Sql } from '@flyback/postgres'
import { eq, sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { type PostgresJsDatabase, drizzle as upstream } from 'drizzle-orm/postgres-js'
import type { Sql as DriverSql } from 'postgres'
import { describe, expectTypeOf, test } from 'vitest'
import { drizzle, type FlybackOptions } from '../src/postgres-js.js'

const item = pgTable('item', { id: integer().primaryKey(), name: text().notNull() })
const schema = { item }
type Schema = typeof schema

declare const url: string
declare const ours: Sql
declare const plain: DriverSql
declare const typed: DriverSql<{ bigint: bigint }>

/** What both must have in common: the database without its client. */
type Bare<Db> = Db extends PostgresJsDatabase<infer S> ? PostgresJsDatabase<S> : never

describe('drizzle() takes what Drizzle takes, and makes what it makes', () => {
  test('a URL, with a config and without', () => {
    const db = drizzle(url)
    expectTypeOf<Bare<typeof db>>().toEqualTypeOf<PostgresJsDatabase>()
    expectTypeOf(db.$client).toEqualTypeOf<Sql>()
    expectTypeOf(db.select).toEqualTypeOf(upstream(url).select)
    expectTypeOf(drizzle(url, { schema, casing: 'snake_case' }).query).toEqualTypeOf(
      upstream(url, { schema }).query,
    )
  })

  test('a config with a connection', () => {
    expectTypeOf(drizzle({ connection: url, schema }).query).toEqualTypeOf(
      upstream({ connection: url, schema }).query,
    )
    expectTypeOf(drizzle({ connection: { url, max: 2 } }).$client).toEqualTypeOf<Sql>()
    expectTypeOf(drizzle({ connection: { host: 'localhost' } }).$client).toEqualTypeOf<Sql>()
  })

  test('a client, whose type is kept', () => {
    expectTypeOf(drizzle(ours).$client).toEqualTypeOf<Sql>()
    expectTypeOf(drizzle(plain).$client).toEqualTypeOf(upstream(plain).$client)
    expectTypeOf(drizzle({ client: plain, schema }).$client).toEqualTypeOf(
      upstream({ client: plain, schema }).$client,
    )
    expectTypeOf(drizzle(typed, { schema }).$client).toEqualTypeOf(
      upstream(typed, { schema }).$client,
    )
  })

  test('the type of a database, as users name it', () => {
    expectTypeOf<ReturnType<typeof drizzle<Schema>>['$client']>().toEqualTypeOf<Sql>()
    const config = { client: plain, schema }
    expectTypeOf(drizzle(config).$client).toEqualTypeOf(upstream(config).$client)
  })

  test('nothing, or a config alone: the database of the environment', () => {
    expectTypeOf(drizzle().$client).toEqualTypeOf<Sql>()
    expectTypeOf(drizzle({ schema }).query).toEqualTypeOf(upstream(url, { schema }).query)
  })

  test('options of Flyback, and no others', () => {
    void drizzle(url, { flyback: { whenReplicaDown: 'replay' } })
    void drizzle({ connection: { url, max: 1 }, schema, flyback: { replicaUrl: url } })
    expectTypeOf<
      NonNullable<NonNullable<Parameters<typeof drizzle>[1]>['flyback']>
    >().toEqualTypeOf<FlybackOptions>()
    // @ts-expect-error -- no option of ours
    void drizzle(url, { flyback: { replicaURL: url } })
    // @ts-expect-error -- no option of postgres.js
    void drizzle({ connection: { maximum: 2 } })
    // @ts-expect-error -- a number is no client
    void drizzle(5432)
  })

  test('mock', () => {
    expectTypeOf(drizzle.mock).toEqualTypeOf<typeof upstream.mock>()
  })
})

describe('a database', () => {
  const db = drizzle({ client: ours, schema })
  const theirs = upstream({ client: plain, schema })

  test('is one of Drizzle where one is asked for, and has the same on the primary', () => {
    expectTypeOf(db).toExtend<PostgresJsDatabase<Schema>>()
    expectTypeOf(db.$primary).toExtend<PostgresJsDatabase<Schema>>()
    expectTypeOf(db.$primary.$client).toEqualTypeOf<DriverSql>()
    expectTypeOf(db.$primary.query).toEqualTypeOf(db.query)
    // @ts-expect-error -- $primary is read-only
    db.$primary = db
  })

  test('gives rows of the types that Drizzle gives', () => {
    expectTypeOf(db.select({ n: item.name }).from(item).where(eq(item.id, 1))).toEqualTypeOf(
      theirs.select({ n: item.name }).from(item).where(eq(item.id, 1)),
    )
    expectTypeOf(db.insert(item).values({ id: 1, name: '' }).returning()).toEqualTypeOf(
      theirs.insert(item).values({ id: 1, name: '' }).returning(),
    )
    expectTypeOf(db.execute<{ one: number }>(sql`select 1 as one`)).toEqualTypeOf(
      theirs.execute<{ one: number }>(sql`select 1 as one`),
    )
    expectTypeOf(db.transaction).toEqualTypeOf(theirs.transaction)
    // @ts-expect-error -- name is missing
    void db.insert(item).values({ id: 1 })
  })
})
