import type { Pool } from '@flyback/pg'
import { eq, sql } from 'drizzle-orm'
import {
  type NodePgClient,
  type NodePgDatabase,
  drizzle as upstream,
} from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { describe, expectTypeOf, test } from 'vitest'
import {
  drizzle,
  type FlybackOptions,
  type NodePgDatabase as ReExported,
} from '../src/node-postgres.js'

const item = pgTable('item', { id: integer().primaryKey(), name: text().notNull() })
const schema = { item }
type Schema = typeof schema

declare const url: string
declare const pool: Pool
declare const pgPool: pg.Pool
declare const poolClient: pg.PoolClient
declare const client: pg.Client
declare const anyClient: NodePgClient

/** What both must have in common: the database without its client. */
type Bare<Db> = Db extends NodePgDatabase<infer S> ? NodePgDatabase<S> : never

describe('drizzle() takes what Drizzle takes, and makes what it makes', () => {
  test('a URL', () => {
    const db = drizzle(url)
    expectTypeOf<Bare<typeof db>>().toEqualTypeOf<Bare<ReturnType<typeof fromUrl>>>()
    expectTypeOf(db.$client).toEqualTypeOf<Pool>()
    const fromUrl = () => upstream(url)
    expectTypeOf(db.select).toEqualTypeOf(fromUrl().select)
  })

  test('a URL and a config', () => {
    const db = drizzle(url, { schema, casing: 'snake_case', logger: true })
    expectTypeOf<Bare<typeof db>>().toEqualTypeOf<NodePgDatabase<Schema>>()
    expectTypeOf(db.query).toEqualTypeOf(upstream(url, { schema }).query)
  })

  test('a config with a connection', () => {
    const db = drizzle({ connection: url, schema })
    expectTypeOf<Bare<typeof db>>().toEqualTypeOf<NodePgDatabase<Schema>>()
    expectTypeOf(db.$client).toEqualTypeOf<Pool>()
    expectTypeOf(
      drizzle({ connection: { connectionString: url, max: 2 } }).$client,
    ).toEqualTypeOf<Pool>()
  })

  test('a client, whose type is kept', () => {
    expectTypeOf(drizzle(pool).$client).toEqualTypeOf<Pool>()
    expectTypeOf(drizzle(pgPool).$client).toEqualTypeOf(upstream(pgPool).$client)
    expectTypeOf(drizzle(poolClient).$client).toEqualTypeOf(upstream(poolClient).$client)
    expectTypeOf(drizzle(client, { schema }).$client).toEqualTypeOf(
      upstream(client, { schema }).$client,
    )
    expectTypeOf(drizzle({ client: pgPool, schema }).$client).toEqualTypeOf(
      upstream({ client: pgPool, schema }).$client,
    )
    expectTypeOf(drizzle({ client: pool, schema }).query).toEqualTypeOf(
      upstream({ client: pool, schema }).query,
    )
    expectTypeOf(drizzle(anyClient).$client).toEqualTypeOf(upstream(anyClient).$client)
    const config = { client: pgPool, schema }
    expectTypeOf(drizzle(config).$client).toEqualTypeOf(upstream(config).$client)
  })

  test('type arguments', () => {
    const db = drizzle<Schema, pg.Pool>(pgPool, { schema })
    const theirs = upstream<Schema>(pgPool, { schema })
    expectTypeOf<Bare<typeof db>>().toEqualTypeOf<Bare<typeof theirs>>()
    expectTypeOf(db.$client).toEqualTypeOf(theirs.$client)
    expectTypeOf(drizzle<Schema>({ client: pgPool, schema }).$client).toEqualTypeOf<pg.Pool>()
    expectTypeOf(drizzle<Schema>({ client: pool, schema }).$client).toEqualTypeOf<Pool>()
  })

  test('the type of a database, as users name it', () => {
    expectTypeOf<ReturnType<typeof drizzle<Schema>>['$client']>().toEqualTypeOf<Pool>()
    expectTypeOf<ReturnType<typeof drizzle<Schema, pg.Pool>>['query']>().toEqualTypeOf<
      NodePgDatabase<Schema>['query']
    >()
  })

  test('nothing, or a config alone: the database of the environment', () => {
    expectTypeOf<Bare<ReturnType<typeof nothing>>>().toEqualTypeOf<NodePgDatabase>()
    const nothing = () => drizzle()
    expectTypeOf(drizzle({ schema }).query.item.findFirst).toEqualTypeOf(
      upstream(url, { schema }).query.item.findFirst,
    )
  })

  test('options of Flyback, and no others', () => {
    void drizzle(url, { flyback: { whenReplicaDown: 'replay' } })
    void drizzle({ connection: url, schema, flyback: { replicaUrl: { iad: url } } })
    void drizzle({ flyback: { env: {} } })
    expectTypeOf<
      NonNullable<NonNullable<Parameters<typeof drizzle>[1]>['flyback']>
    >().toEqualTypeOf<FlybackOptions>()
    // @ts-expect-error -- no option of ours
    void drizzle(url, { flyback: { replicaURL: url } })
    // @ts-expect-error -- no option of Drizzle
    void drizzle(url, { schemas: schema })
    // @ts-expect-error -- a number is no client
    void drizzle(5432)
    // @ts-expect-error -- no casing of Drizzle
    void drizzle({ connection: url, casing: 'kebab' })
  })

  test('mock', () => {
    expectTypeOf(drizzle.mock).toEqualTypeOf<typeof upstream.mock>()
  })
})

describe('a database', () => {
  const db = drizzle({ client: pool, schema })

  test('is one of Drizzle where one is asked for', () => {
    expectTypeOf(db).toExtend<NodePgDatabase<Schema>>()
    expectTypeOf<ReExported<Schema>>().toEqualTypeOf<NodePgDatabase<Schema>>()
  })

  test('has the same on the primary', () => {
    expectTypeOf(db.$primary).toExtend<NodePgDatabase<Schema>>()
    expectTypeOf(db.$primary.query).toEqualTypeOf(db.query)
    expectTypeOf(db.$primary.$client).toEqualTypeOf<pg.Pool>()
    expectTypeOf(drizzle(poolClient).$primary.$client).toEqualTypeOf<pg.PoolClient>()
    // @ts-expect-error -- $primary is read-only
    db.$primary = db
  })

  test('gives rows of the types that Drizzle gives', () => {
    const theirs = upstream({ client: pgPool, schema })
    expectTypeOf(db.select().from(item)).resolves.toEqualTypeOf<{ id: number; name: string }[]>()
    expectTypeOf(db.select({ n: item.name }).from(item).where(eq(item.id, 1))).toEqualTypeOf(
      theirs.select({ n: item.name }).from(item).where(eq(item.id, 1)),
    )
    expectTypeOf(db.insert(item).values({ id: 1, name: '' }).returning()).toEqualTypeOf(
      theirs.insert(item).values({ id: 1, name: '' }).returning(),
    )
    expectTypeOf(db.update(item).set({ name: '' })).toEqualTypeOf(
      theirs.update(item).set({ name: '' }),
    )
    expectTypeOf(db.delete(item)).toEqualTypeOf(theirs.delete(item))
    expectTypeOf(db.execute<{ one: number }>(sql`select 1 as one`)).toEqualTypeOf(
      theirs.execute<{ one: number }>(sql`select 1 as one`),
    )
    expectTypeOf(db.query.item.findMany({ columns: { name: true } })).toEqualTypeOf(
      theirs.query.item.findMany({ columns: { name: true } }),
    )
    expectTypeOf(db.transaction).toEqualTypeOf(theirs.transaction)
    expectTypeOf(db.$count(item)).toEqualTypeOf(theirs.$count(item))
    expectTypeOf(db.$cache).toEqualTypeOf(theirs.$cache)
    // @ts-expect-error -- name is missing
    void db.insert(item).values({ id: 1 })
    // @ts-expect-error -- no such table
    void db.query.items
  })
})
