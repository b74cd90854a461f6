import { sharedLab } from '@flyback/testkit'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaPg as OldestPrismaPg } from '@prisma/adapter-pg-7.0'
import { expect, test } from 'vitest'
import { OldestPrismaClient, PrismaClient } from './clients.js'
import { SCHEMA } from './support.js'

// Records what each supported Prisma with its own adapter throws on a hot standby, and holds it against
// packages/core/test/fixtures/errors. A new version changes the file: read the difference, then `vitest run --update`.

/**
 * `primary`: the work must reach the primary. `here`: it fails for a reason of its own. `ok`: it runs. `ambiguous`: the
 * code means either, and Prisma drops the routine that would tell.
 */
type Belongs = 'primary' | 'here' | 'ok' | 'ambiguous'

type Work = (client: PrismaClient) => PromiseLike<unknown>

const where = { name: 'n1' }
const data = { name: 'x' }
const raw =
  (sql: string): Work =>
  (client) =>
    client.$executeRawUnsafe(sql)
const inTransaction =
  (sql: string): Work =>
  (client) =>
    client.$transaction((tx) => tx.$executeRawUnsafe(sql))

const OPERATIONS: [operation: string, belongs: Belongs, work: Work][] = [
  ['findMany', 'ok', (client) => client.item.findMany({ include: { tags: true } })],
  ['findUnique', 'ok', (client) => client.item.findUnique({ where })],
  ['create', 'primary', (client) => client.item.create({ data })],
  [
    'create, nested',
    'primary',
    (client) => client.item.create({ data: { ...data, tags: { create: { label: 'a' } } } }),
  ],
  ['createMany', 'primary', (client) => client.item.createMany({ data: [data] })],
  ['createManyAndReturn', 'primary', (client) => client.item.createManyAndReturn({ data: [data] })],
  ['update', 'primary', (client) => client.item.update({ where, data: { qty: 1 } })],
  ['updateMany', 'primary', (client) => client.item.updateMany({ where, data: { qty: 1 } })],
  [
    'updateManyAndReturn',
    'primary',
    (client) => client.item.updateManyAndReturn({ where, data: { qty: 1 } }),
  ],
  [
    'upsert, in one statement',
    'primary',
    (client) => client.item.upsert({ where, create: where, update: { qty: 1 } }),
  ],
  [
    'upsert, read first',
    'primary',
    (client) => client.item.upsert({ where, create: data, update: { tags: { deleteMany: {} } } }),
  ],
  ['delete', 'primary', (client) => client.item.delete({ where: { name: 'n9' } })],
  ['deleteMany', 'primary', (client) => client.item.deleteMany({ where })],
  ['$executeRaw', 'primary', (client) => client.$executeRaw`update item set qty = 1`],
  [
    '$queryRaw',
    'primary',
    (client) => client.$queryRaw`insert into item (name) values ('x') returning id`,
  ],
  ['$queryRaw: for update', 'primary', (client) => client.$queryRaw`select 1 from item for update`],
  ['$queryRaw: nextval', 'primary', (client) => client.$queryRaw`select nextval('item_id_seq')`],
  ['$queryRaw: write_item()', 'primary', (client) => client.$queryRaw`select write_item()`],
  ['$executeRaw: temporary table', 'primary', raw('create temp table other (a int)')],
  ['$executeRaw: listen', 'primary', raw('listen channel')],
  [
    '$transaction([...])',
    'primary',
    (client) => client.$transaction([client.item.count(), client.item.create({ data })]),
  ],
  [
    '$transaction([...]): serializable',
    'ambiguous',
    (client) =>
      client.$transaction([client.item.count(), client.item.count()], {
        isolationLevel: 'Serializable',
      }),
  ],
  [
    '$transaction(...): create',
    'primary',
    (client) => client.$transaction((tx) => tx.item.create({ data })),
  ],
  [
    '$transaction(...): serializable',
    'ambiguous',
    (client) => client.$transaction((tx) => tx.item.count(), { isolationLevel: 'Serializable' }),
  ],
  [
    '$transaction(...): swallowed',
    'ok',
    (client) =>
      client.$transaction(async (tx) => {
        await tx.item.create({ data }).catch(() => {})
      }),
  ],
  ['$executeRaw: read write', 'ambiguous', inTransaction('set transaction_read_only = off')],
  ['$queryRaw: unlogged table', 'ambiguous', (client) => client.$queryRaw`select * from scratch`],
  [
    '$queryRaw: pg_current_wal_lsn',
    'ambiguous',
    (client) => client.$queryRaw`select pg_current_wal_lsn()::text`,
  ],
  [
    '$queryRaw: currval before nextval',
    'ambiguous',
    (client) => client.$queryRaw`select currval('item_id_seq')`,
  ],
  [
    '$queryRaw: pg_logical_emit_message',
    'ambiguous',
    (client) => client.$queryRaw`select pg_logical_emit_message(false, 'a', 'b')::text`,
  ],
  [
    'findUniqueOrThrow: none',
    'here',
    (client) => client.item.findUniqueOrThrow({ where: { name: 'none' } }),
  ],
  ['$queryRaw: syntax', 'here', (client) => client.$queryRaw`selec 1`],
  ['$queryRaw: missing table', 'here', (client) => client.$queryRaw`select * from nowhere`],
  ['$queryRaw: division', 'here', (client) => client.$queryRaw`select 1/0`],
]

test.each([
  ['prisma-7.10.0', PrismaClient, PrismaPg],
  ['prisma-7.0.0', OldestPrismaClient, OldestPrismaPg],
] as const)('%s throws on a hot standby what the fixtures say', async (name, Client, Adapter) => {
  await using database = await sharedLab().createDatabase({ schema: SCHEMA })
  const connectionString = database.url('iad', 'replica')
  const client = new Client({ adapter: new Adapter({ connectionString, max: 1 }) })
  const recorded: unknown[] = []
  try {
    for (const [operation, belongs, work] of OPERATIONS) {
      const error = await work(client).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error === undefined, operation).toBe(belongs === 'ok')
      recorded.push({ operation, belongs, error: error === undefined ? null : plain(error) })
    }
  } finally {
    await client.$disconnect()
  }
  const file = `../../core/test/fixtures/errors/${name}.json`
  await expect(`${JSON.stringify(recorded, null, 2)}\n`).toMatchFileSnapshot(file)
})

/** Everything an error and what it wraps have of their own, but paths and source code. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const own = Object.entries(value).map(([key, nested]) => [key, plain(nested)] as const)
  if (!(value instanceof Error)) return Object.fromEntries(own)
  const message = value.message.split('\n').at(-1)
  const cause = value.cause === undefined ? {} : { cause: plain(value.cause) }
  return { name: value.name, ...Object.fromEntries(own), ...cause, message }
}
