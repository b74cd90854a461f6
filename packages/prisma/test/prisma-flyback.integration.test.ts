import { createPoolClass, Pool } from '@flyback/pg'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory as OldestAdapterFactory } from '@prisma/client-7.0/runtime/client'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest'
import {
  ConfigurationError,
  flybackExtension,
  PrismaFlyback,
  type PrismaFlybackOptions,
} from '../src/index.js'
import { PrismaClient } from './clients.js'
import { extend, failure, inRequest, open, openScope, SCHEMA, sessions } from './support.js'

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

/** What somebody can see of an outcome. */
async function seen(work: () => PromiseLike<unknown>): Promise<unknown> {
  return await work().then(
    (value) => ({ value }),
    (error: unknown) => ({
      class: Object(error).constructor.name,
      own: JSON.stringify(error),
      message: Reflect.get(Object(error), 'message'),
    }),
  )
}

const SAME: [name: string, work: (client: PrismaClient) => PromiseLike<unknown>][] = [
  ['reads', (c) => c.item.findMany({ include: { tags: true }, orderBy: { id: 'asc' } })],
  ['writes', (c) => c.item.update({ where: { name: 'n3' }, data: { qty: 3 } })],
  ['a unique violation', (c) => c.item.create({ data: { name: 'n1' } })],
  ['a foreign key violation', (c) => c.item.delete({ where: { name: 'n1' } })],
  ['a record that is not there', (c) => c.item.update({ where: { id: 0 }, data: {} })],
  ['a syntax error', (c) => c.$queryRawUnsafe('selec 1')],
  ['a missing table', (c) => c.$queryRawUnsafe('select * from nowhere')],
  [
    'a read-only transaction of the caller',
    (c) =>
      c.$transaction(async (tx) => {
        await tx.$executeRawUnsafe('set transaction read only')
        await tx.item.create({ data: { name: 'x' } })
      }),
  ],
  [
    'a serializable transaction',
    (c) => c.$transaction((tx) => tx.item.count(), { isolationLevel: 'Serializable' }),
  ],
  [
    'a transaction that timed out',
    (c) =>
      c
        .$transaction(
          async (tx) => {
            await tx.$queryRaw`select pg_sleep(0.1)::text`
            await tx.item.count()
          },
          { timeout: 20 },
        )
        .catch((error: unknown) => Reflect.get(Object(error), 'code')),
  ],
]

describe.each([
  ['single', {}, 'writer'],
  ['single, on a standby', {}, 'replica'],
  ['primary', { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }, 'writer'],
] as const)('rule 21: in the role %s', (_role, regions, endpoint) => {
  test.each(SAME)('%s: as with PrismaPg', async (_name, work) => {
    const connectionString = database.url(endpoint === 'writer' ? 'ewr' : 'iad', endpoint)
    const env = { ...regions, DATABASE_URL: connectionString }
    const theirs = new PrismaClient({ adapter: new PrismaPg({ connectionString, max: 1 }) })
    const ours = new PrismaClient({ adapter: new PrismaFlyback({ max: 1, flyback: { env } }) })
    const extended = extend(
      new PrismaClient({ adapter: new PrismaFlyback({ max: 1, flyback: { env } }) }),
    )
    try {
      const expected = await seen(() => work(theirs))
      expect(await seen(() => work(ours))).toEqual(expected)
      expect(await seen(() => work(extended))).toEqual(expected)
      expect(await seen(() => work(extended.$primary()))).toEqual(expected)
    } finally {
      for (const client of [theirs, ours, extended]) await client.$disconnect()
    }
  })
})

test('the adapter shows what PrismaPg shows', async () => {
  const env = database.env('iad')
  const options = { schema: 'public', onPoolError: () => {} }
  const theirs = new PrismaPg({ connectionString: env['DATABASE_URL'] }, options)
  const ours = new PrismaFlyback({ flyback: { env } }, options)
  expect([ours.provider, ours.adapterName]).toEqual([theirs.provider, theirs.adapterName])
  const [a, b] = [await theirs.connect(), await ours.connect()]
  expect(b.getConnectionInfo()).toEqual(a.getConnectionInfo())
  expect([b.provider, b.adapterName]).toEqual([a.provider, a.adapterName])
  expect(b.underlyingDriver()).toBeInstanceOf(a.underlyingDriver().constructor)
  await a.dispose()
  await b.dispose()
})

describe('a pool that was passed in', () => {
  test('serves, and outlives $disconnect', async () => {
    await using pool = disposable(new Pool({ flyback: { env: database.env('iad') } }))
    const prisma = new PrismaClient({ adapter: new PrismaFlyback(pool) })
    const scope = openScope(database)
    expect(await inRequest(scope, () => failure(prisma.item.deleteMany()))).toBe(scope.refusal)
    await prisma.$disconnect()
    expect(pool.ended).toBe(false)
    expect(await prisma.item.count()).toBe(10)
    await prisma.$disconnect()
  })

  test('of another copy of pg is an error, not a config', async () => {
    const other = { Pool: class extends Object {}, Client: pg.Client }
    const pool = Object.assign(new other.Pool(), { connect() {}, query() {}, options: {} })
    const prisma = new PrismaClient({ adapter: new PrismaFlyback(pool as unknown as pg.Pool) })
    const error = await failure(prisma.item.count())
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error.message).toMatch(/^pool is of another copy of pg/)
  })

  test("of pg's own is an error in a replica region, and works elsewhere", async () => {
    await using pool = disposable(new pg.Pool({ connectionString: database.url('iad', 'replica') }))
    const prisma = new PrismaClient({ adapter: new PrismaFlyback(pool) })
    expect(await prisma.item.count()).toBe(10)
    await prisma.$disconnect()
    for (const [name, value] of Object.entries(database.env('iad'))) vi.stubEnv(name, value)
    expect((await failure(prisma.item.count())).message).toMatch(/^pool reaches one endpoint only/)
  })

  test('made by createPoolClass serves, too', async () => {
    const Made = createPoolClass(pg)
    await using pool = disposable(new Made({ flyback: { env: database.env('iad') } }))
    const prisma = new PrismaClient({ adapter: new PrismaFlyback(pool) })
    expect(await prisma.$queryRaw`select pg_is_in_recovery() as standby`).toEqual([
      { standby: true },
    ])
    await prisma.$disconnect()
  })
})

test('rule 23: $disconnect ends both pools, and a later call opens new ones', async () => {
  await using client = open(database, 'iad')
  for (let i = 0; i < 2; i++) {
    await client.item.count()
    await client.$primary().item.count()
    expect(await sessions(database, 'iad')).not.toEqual([])
    expect(await sessions(database, 'ewr')).not.toEqual([])
    await client.$disconnect()
    await expect.poll(() => sessions(database, 'iad')).toEqual([])
    await expect.poll(() => sessions(database, 'ewr')).toEqual([])
  }
})

test('options that are none are refused where they are given', () => {
  const whenReplicaDown = 'sometimes' as 'fail'
  expect(() => new PrismaFlyback({ flyback: { whenReplicaDown } })).toThrow(ConfigurationError)
})

test.each([
  ['null', null, /^poolOrConfig must be options of a pool/],
  ['a number', 5, /^poolOrConfig must be options of a pool/],
  ['{ flyback: null }', { flyback: null }, /^flyback must be an object/],
])('%s is no configuration, and refused where it is given', (_name, given, message) => {
  const make = () => Reflect.construct(PrismaFlyback, [given])
  expect(make).toThrow(ConfigurationError)
  expect(make).toThrow(message)
})

test('undefined options are none given', () => {
  expect(new PrismaFlyback(undefined).provider).toBe('postgres')
  expect(new PrismaFlyback({ flyback: undefined }).provider).toBe('postgres')
})

test('reads DATABASE_URL, or takes a connection string', async () => {
  for (const [name, value] of Object.entries(database.env('iad'))) vi.stubEnv(name, value)
  for (const adapter of [new PrismaFlyback(), new PrismaFlyback(database.url('iad', 'writer'))]) {
    const prisma = new PrismaClient({ adapter })
    expect(await prisma.$queryRaw`select pg_is_in_recovery() as standby`).toEqual([
      { standby: true },
    ])
    await prisma.$disconnect()
  }
})

test('migration tools get what PrismaPg gives them', async () => {
  const { hostname: host, port, username: user, password } = new URL(database.url('ewr', 'writer'))
  // PrismaPg forgets the pool that made the database: it empties when idle.
  const where = { host, port: Number(port), user, password, database: database.name }
  const config = { ...where, idleTimeoutMillis: 1 }
  const shadow = await new PrismaFlyback(config).connectToShadowDb()
  const { database: name } = shadow.underlyingDriver().options
  expect(name).toMatch(/^prisma_migrate_shadow_db_/)
  const made = 'select datname from pg_database where datname = $1'
  expect(await database.query('ewr', 'writer', made, [name])).toEqual([{ datname: name }])
  await shadow.dispose()
  expect(await database.query('ewr', 'writer', made, [name])).toEqual([])
})

test('errors of idle connections are told once, of either endpoint, and nothing crashes', async () => {
  const onPoolError = vi.fn()
  const onConnectionError = vi.fn()
  const options: PrismaFlybackOptions = { onPoolError, onConnectionError }
  await using client = open(database, 'iad', { options })
  for (const [region, on] of [
    ['iad', client],
    ['ewr', client.$primary()],
  ] as const) {
    const [row] = await on.$queryRaw<{ pid: number }[]>`select pg_backend_pid() as pid`
    await database.query(region, 'replica', 'select pg_terminate_backend($1)', [row?.pid])
  }
  await expect.poll(() => onPoolError.mock.calls.length).toBe(2)
  expect(await client.item.count()).toBe(10)
  expect(await client.$primary().item.count()).toBe(10)
})

test('types: results keep their shape through the extension and $primary()', () => {
  const adapter = new PrismaFlyback({ flyback: { env: {} } })
  const client = new PrismaClient({ adapter })
  const extended = client.$extends(flybackExtension())
  expectTypeOf(extended.$primary()).toEqualTypeOf(extended)
  type Found = Awaited<ReturnType<typeof find>>
  const find = () => extended.$primary().item.findMany({ select: { name: true, tags: true } })
  expectTypeOf<Found[number]['name']>().toEqualTypeOf<string>()
  expectTypeOf<Found[number]['tags'][number]['label']>().toEqualTypeOf<string>()
  expectTypeOf<Found[number]>().not.toHaveProperty('qty')
  expectTypeOf(adapter).toExtend<SqlMigrationAwareDriverAdapterFactory>()
  expectTypeOf(adapter).toExtend<OldestAdapterFactory>()
  // @ts-expect-error -- a model that the schema has not
  void extended.nothing
})

function disposable<P extends pg.Pool>(pool: P): P & AsyncDisposable {
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() })
}
