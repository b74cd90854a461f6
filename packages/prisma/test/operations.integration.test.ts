import { findReplayRequired } from '@flyback/core'
import { runOnPrimary } from '@flyback/core/scope'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, inRequest, type OpenClient, open, openScope, SCHEMA } from './support.js'

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

type Operation = (client: OpenClient) => PromiseLike<unknown>

const where = { name: 'n1' }
const data = { name: 'never' }

const READS: [name: string, read: Operation][] = [
  ['findMany', (c) => c.item.findMany({ include: { tags: true } })],
  ['findUnique', (c) => c.item.findUnique({ where, include: { tags: true } })],
  ['findUniqueOrThrow', (c) => c.item.findUniqueOrThrow({ where })],
  ['findFirst', (c) => c.item.findFirst({ where: { tags: { some: { label: 'a' } } } })],
  ['findFirstOrThrow', (c) => c.item.findFirstOrThrow({ where })],
  ['a relation, fluently', (c) => c.item.findUnique({ where }).tags()],
  ['count', (c) => c.item.count()],
  ['aggregate', (c) => c.item.aggregate({ _max: { id: true } })],
  ['groupBy', (c) => c.tag.groupBy({ by: ['itemId'], _count: true })],
  ['$queryRaw', (c) => c.$queryRaw`select 1 as one`],
  ['$queryRawUnsafe', (c) => c.$queryRawUnsafe('select $1::int as one', 1)],
  ['$transaction([one])', (c) => c.$transaction([c.item.count()])],
  [
    '$transaction([one]), serializable: Prisma opens none',
    (c) => c.$transaction([c.item.count()], { isolationLevel: 'Serializable' }),
  ],
  ['$transaction([...])', (c) => c.$transaction([c.item.count(), c.tag.count()])],
  ['$transaction(...)', (c) => c.$transaction((tx) => tx.item.findMany({ where }))],
]

const WRITES: [name: string, write: Operation][] = [
  ['create', (c) => c.item.create({ data })],
  ['create, nested', (c) => c.item.create({ data: { ...data, tags: { create: { label: 'x' } } } })],
  ['createMany', (c) => c.item.createMany({ data: [data] })],
  ['createManyAndReturn', (c) => c.item.createManyAndReturn({ data: [data] })],
  ['update', (c) => c.item.update({ where, data: { qty: 1 } })],
  [
    'update, nested',
    (c) => c.item.update({ where, data: { tags: { deleteMany: { label: 'none' } } } }),
  ],
  ['updateMany', (c) => c.item.updateMany({ data: { qty: 1 } })],
  ['updateManyAndReturn', (c) => c.item.updateManyAndReturn({ data: { qty: 1 } })],
  ['upsert', (c) => c.item.upsert({ where, create: data, update: { qty: 1 } })],
  [
    'upsert, read first',
    (c) => c.item.upsert({ where, create: data, update: { tags: { deleteMany: {} } } }),
  ],
  ['delete', (c) => c.item.delete({ where: { name: 'n9' } })],
  ['deleteMany', (c) => c.item.deleteMany({ where: { name: 'n9' } })],
]

const BATCH = '$transaction([...]) with a write'

const REFUSED: [name: string, write: Operation][] = [
  ['$executeRaw', (c) => c.$executeRaw`update item set qty = ${1}`],
  ['$executeRawUnsafe', (c) => c.$executeRawUnsafe('update item set qty = $1', 1)],
  ['$queryRaw', (c) => c.$queryRaw`insert into item (name) values ('never') returning id`],
  ['$queryRawUnsafe', (c) => c.$queryRawUnsafe('select id from item for update')],
  [BATCH, (c) => c.$transaction([c.item.count(), c.item.create({ data })])],
  ['$transaction(...)', (c) => c.$transaction((tx) => tx.item.create({ data }))],
  [
    '$transaction(...), read first',
    (c) =>
      c.$transaction(async (tx) => {
        await tx.item.findMany()
        await tx.item.create({ data })
      }),
  ],
  [
    '$transaction([...]), serializable',
    (c) => c.$transaction([c.item.count(), c.tag.count()], { isolationLevel: 'Serializable' }),
  ],
  [
    '$transaction(...), serializable',
    (c) => c.$transaction((tx) => tx.item.count(), { isolationLevel: 'Serializable' }),
  ],
]

const pid = async (client: OpenClient): Promise<unknown> => {
  const [row] = await client.$queryRaw<{ pid: number }[]>`select pg_backend_pid() as pid`
  return row?.pid
}

describe.each([
  ['7.10, with the extension', { oldest: false, extended: true }],
  ['7.10', { oldest: false, extended: false }],
  ['7.0, with the extension', { oldest: true, extended: true }],
  ['7.0', { oldest: true, extended: false }],
])('in a replica region, Prisma %s', (_version, { oldest, extended }) => {
  test.each(READS)('%s reads here', async (_name, read) => {
    await using client = open(database, 'iad', { oldest, extended })
    await using local = open(database, 'ewr', { oldest, extended })
    const scope = openScope(database)
    expect(await inRequest(scope, async () => await read(client))).toEqual(await read(local))
    expect([scope.state, scope.usedReplica]).toEqual(['open', true])
  })

  test.each([...WRITES, ...REFUSED])(
    '%s throws the ReplayRequired of its request, and keeps the connection',
    async (name, write) => {
      await using client = open(database, 'iad', { oldest, extended, config: { max: 1 } })
      const before = await pid(client)
      const scope = openScope(database)
      const error = await inRequest(scope, () => failure(write(client)))
      expect(error).toBe(scope.refusal)
      const known = extended && [...WRITES.map(([title]) => title), BATCH].includes(name)
      expect(scope.refusal?.reason).toBe(known ? 'known-write' : 'write')
      if (!known) expect(scope.refusal?.cause).toMatchObject({ code: expect.any(String) })
      expect(findReplayRequired(await failure(write(client))), 'without a scope').toBeDefined()
      expect(await pid(client)).toBe(before)
    },
  )

  test.each(WRITES)('%s runs where its request forwards', async (_name, write) => {
    await using client = open(database, 'iad', { oldest, extended })
    const rollback = new Error('rollback')
    const scope = openScope(database)
    const error = await inRequest(scope, () =>
      failure(
        runOnPrimary(() =>
          client.$transaction(async (tx) => {
            await write(tx as OpenClient) // the operations above use nothing that a transaction has not
            throw rollback
          }),
        ),
      ),
    )
    expect(error).toBe(rollback)
    expect(scope.state).toBe('forwarding')
  })

  test('a refusal that a transaction swallowed surfaces at its commit, and leaks nothing', async () => {
    await using client = open(database, 'iad', { oldest, extended, config: { max: 1 } })
    for (let i = 0; i < 3; i++) {
      const swallowing = () =>
        client.$transaction(async (tx) => {
          await tx.item.create({ data }).catch(() => {})
          return 'committed'
        })
      const scope = openScope(database)
      expect(await inRequest(scope, () => failure(swallowing()))).toBe(scope.refusal)
      expect(findReplayRequired(await failure(swallowing()))).toBeDefined()
    }
    expect(await client.item.count()).toBe(10)
  })

  test('a refused transaction that times out rolls back quietly', async () => {
    await using client = open(database, 'iad', { oldest, extended, config: { max: 1 } })
    const scope = openScope(database)
    const error = await inRequest(scope, () =>
      failure(
        client.$transaction(
          async (tx) => {
            await failure(tx.item.create({ data }))
            await new Promise((resolve) => setTimeout(resolve, 120))
            await tx.item.count()
          },
          { timeout: 50 },
        ),
      ),
    )
    expect(error).toBeInstanceOf(Error)
    expect(scope.refusal).toBeDefined()
    expect(await client.item.count()).toBe(10)
  })

  test('rule 22: a backend that dies in a transaction, which then times out, ends nothing else', async () => {
    await using client = open(database, 'iad', { oldest, extended, config: { max: 1 } })
    const error = await failure(
      client.$transaction(
        async (tx) => {
          const [row] = await tx.$queryRaw<{ pid: number }[]>`select pg_backend_pid() as pid`
          await database.query('iad', 'replica', 'select pg_terminate_backend($1)', [row?.pid])
          await new Promise((resolve) => setTimeout(resolve, 120))
          return await tx.item.count()
        },
        { timeout: 50 },
      ),
    )
    expect(error).toBeInstanceOf(Error)
    expect(await client.item.count()).toBe(10)
  })

  test('a read the replica cancels (40001) runs on the primary; in a transaction the error stays', async () => {
    await using client = open(database, 'iad', { oldest, extended })
    const sql = 'select conflict_on_standby() as answer'
    const error = await failure(client.$transaction((tx) => tx.$queryRawUnsafe(sql)))
    expect(error).toMatchObject({ code: 'P2010' })
    const scope = openScope(database)
    const rows = await inRequest(scope, async () => await client.$queryRawUnsafe(sql))
    expect(rows).toEqual([{ answer: 'ok' }])
    expect(scope.state).toBe('forwarding')
  })

  test('waiting for a connection ends with maxWait, and the connection is not lost', async () => {
    await using client = open(database, 'iad', { oldest, extended, config: { max: 1 } })
    const error = await client
      .$transaction(
        async () => {
          return await failure(client.$transaction(async () => {}, { maxWait: 30 }))
        },
        { timeout: 300 },
      )
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'P2028' })
    expect(await client.item.count()).toBe(10)
  })
})

test('query extensions of the user see the refusal, before and after ours', async () => {
  await using client = open(database, 'iad')
  const seen: unknown[] = []
  const watch = {
    query: {
      async $allOperations({
        args,
        query,
      }: {
        args: unknown
        query(args: unknown): PromiseLike<unknown>
      }) {
        try {
          return await query(args)
        } catch (error) {
          seen.push(error)
          throw error
        }
      },
    },
  }
  const scope = openScope(database)
  const error = await inRequest(scope, () =>
    failure(client.$extends(watch).item.create({ data }) as PromiseLike<unknown>),
  )
  expect(error).toBe(scope.refusal)
  expect(seen).toEqual([scope.refusal])
})

test('$primary() takes transactions along, interactive and in an array', async () => {
  await using client = open(database, 'iad')
  const primary = client.$primary()
  const standby = 'select pg_is_in_recovery() as standby'
  const here = [{ standby: false }]
  expect(await primary.$queryRawUnsafe(standby)).toEqual(here)
  expect(await primary.$transaction((tx) => tx.$queryRawUnsafe(standby))).toEqual(here)
  expect(
    await primary.$transaction([
      primary.$queryRawUnsafe(standby),
      primary.$queryRawUnsafe(standby),
    ]),
  ).toEqual([here, here])
  const created = await primary.$transaction((tx) => tx.item.create({ data: { name: 'there' } }))
  expect(await primary.item.delete({ where: { id: created.id } })).toEqual(created)
  expect(await client.$queryRawUnsafe(standby)).toEqual([{ standby: true }])
  expect(
    await client.$transaction((tx) => (tx as OpenClient).$primary().$queryRawUnsafe(standby)),
    'a transaction stays where it is',
  ).toEqual([{ standby: true }])
})

test('$primary() after reads of the replica is refused, unsent', async () => {
  await using client = open(database, 'iad')
  const scope = openScope(database)
  const error = await inRequest(scope, async () => {
    await client.item.count()
    return await failure(client.$primary().item.count())
  })
  expect(error).toBe(scope.refusal)
  expect(scope.refusal?.reason).toBe('mixed-reads')
})
