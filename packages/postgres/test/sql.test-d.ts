import driver from 'postgres'
import { describe, expectTypeOf, test } from 'vitest'
import postgres, {
  createPostgres,
  type FlybackOptions,
  type Options,
  type Sql,
} from '../src/index.js'

interface Item {
  id: number
  name: string
}

declare const sql: Sql

describe("the driver's namespace of types", () => {
  test('is that of the default export: annotations need no other import', () => {
    type Types = Record<string, driver.PostgresType>
    expectTypeOf<postgres.Sql>().toEqualTypeOf<driver.Sql>()
    expectTypeOf<postgres.TransactionSql>().toEqualTypeOf<driver.TransactionSql>()
    expectTypeOf<postgres.ReservedSql>().toEqualTypeOf<driver.ReservedSql>()
    expectTypeOf<postgres.Options<Types>>().toEqualTypeOf<driver.Options<Types>>()
    expectTypeOf<postgres.PostgresType>().toEqualTypeOf<driver.PostgresType>()
    expectTypeOf<postgres.RowList<Item[]>>().toEqualTypeOf<driver.RowList<Item[]>>()
    expectTypeOf<postgres.PendingQuery<driver.Row[]>>().toEqualTypeOf<
      driver.PendingQuery<driver.Row[]>
    >()
    expectTypeOf<postgres.PostgresError>().toEqualTypeOf<driver.PostgresError>()
  })
})

describe('an sql function', () => {
  test('is one of the driver where one is asked for', () => {
    expectTypeOf<Sql>().toExtend<driver.Sql>()
    expectTypeOf<driver.Sql>().not.toExtend<Sql>()
    expectTypeOf(postgres()).toEqualTypeOf<Sql>()
    expectTypeOf(postgres('postgres://')).toEqualTypeOf<Sql>()
    expectTypeOf(createPostgres(driver)).toEqualTypeOf<typeof postgres>()
  })

  test('has the same without itself as its primary', () => {
    expectTypeOf(sql.primary).toEqualTypeOf<driver.Sql>()
    // @ts-expect-error -- primary is read-only
    sql.primary = sql
  })

  test('takes all options of the driver, and ours under flyback', () => {
    expectTypeOf<driver.Options<Record<string, driver.PostgresType>>>().toExtend<
      Options<Record<string, driver.PostgresType>>
    >()
    expectTypeOf<NonNullable<Options['flyback']>>().toEqualTypeOf<FlybackOptions>()
    void postgres({ max: 1, transform: postgres.camel, flyback: { env: process.env } })
    void postgres('postgres://', { idle_timeout: 5, flyback: { whenReplicaDown: 'replay' } })
    // @ts-expect-error -- not an option
    void postgres({ flyback: { nonsense: true } })
    // @ts-expect-error -- nor of the driver
    void postgres({ maximum: 1 })
  })

  test('keeps the types of rows, results and helpers', () => {
    const query = sql<Item[]>`select * from item`
    expectTypeOf(query).toEqualTypeOf<driver.PendingQuery<Item[]>>()
    expectTypeOf(query).resolves.toEqualTypeOf<driver.RowList<Item[]>>()
    expectTypeOf(query.values()).resolves.toExtend<(string | number)[][]>()
    expectTypeOf(sql.unsafe<Item[]>('select')).resolves.toEqualTypeOf<driver.RowList<Item[]>>()
    expectTypeOf(sql.begin((tx) => tx<Item[]>`select`)).resolves.toExtend<Item[]>()
    expectTypeOf(sql.begin(() => 5)).resolves.toEqualTypeOf<number>()
    expectTypeOf(sql.reserve()).resolves.toEqualTypeOf<driver.ReservedSql>()
    expectTypeOf(sql({ a: 1 }, 'a').first).toEqualTypeOf<{ a: number }>()
    // @ts-expect-error -- a helper is no promise
    void sql('a').then()
  })

  test('infers the types of the option `types`, as the driver does', () => {
    const types = { bigint: driver.BigInt }
    expectTypeOf(postgres({ types }).primary).toEqualTypeOf(driver({ types }))
    void postgres({ types })`select ${5n}`
    // @ts-expect-error -- without the type
    void postgres()`select ${5n}`
  })
})

test('the statics of the driver are there', () => {
  expectTypeOf(postgres.PostgresError).toEqualTypeOf<typeof driver.PostgresError>()
  expectTypeOf(postgres.toCamel).toEqualTypeOf<typeof driver.toCamel>()
  expectTypeOf(postgres.BigInt).toEqualTypeOf<typeof driver.BigInt>()
})
