import { findReplayRequired, parseToken } from '@flyback/core'
import { currentToken } from '@flyback/core/scope'
import { type Lab, startLab } from '@flyback/lab'
import { requestWith, type TestDatabase } from '@flyback/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, type OpenClient, open, SCHEMA } from './support.js'

let lab: Lab
let database: TestDatabase

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  const { name, url, drop } = await lab.createDatabase()
  database = {
    name,
    url,
    drop,
    env: (region) => lab.env(region, { database: name }),
    async query(region, endpoint, text, params) {
      const client = new pg.Client(lab.url(region, endpoint, name))
      await client.connect()
      const { rows } = await client.query(text, params && [...params])
      await client.end()
      return rows
    },
    [Symbol.asyncDispose]: drop,
  }
  await database.query('ewr', 'writer', SCHEMA)
  await lab.caughtUp()
})
afterAll(() => lab.close())

type Work = (client: OpenClient) => PromiseLike<unknown>

let made = 0
const create = (client: Pick<OpenClient, 'item'>) =>
  client.item.create({ data: { name: `made ${made++}` } })

const onStandby = async (client: Pick<OpenClient, '$queryRaw'>): Promise<unknown> => {
  const [row] = await client.$queryRaw<
    { standby: boolean }[]
  >`select pg_is_in_recovery() as standby`
  return row?.standby
}

const WRITES: readonly (readonly [string, Work])[] = [
  ['create', create],
  ['updateMany', (client) => client.item.updateMany({ data: { qty: 2 } })],
  [
    'a nested write',
    (client) =>
      client.item.update({ where: { id: 1 }, data: { tags: { create: { label: `${made++}` } } } }),
  ],
  [
    '$executeRaw',
    (client) => client.$executeRaw`insert into item (name) values (${`made ${made++}`})`,
  ],
  ['$transaction([...])', (client) => client.$transaction([create(client), create(client)])],
  [
    '$transaction(fn)',
    (client) =>
      client.$transaction(async (tx) => {
        await create(tx)
        expect(currentToken()).toBeUndefined()
      }),
  ],
]

const NOTHING: readonly (readonly [string, Work])[] = [
  ['findMany', (client) => client.item.findMany()],
  ['findUnique', (client) => client.item.findUnique({ where: { id: 1 } })],
  [
    'a transaction that is rolled back',
    (client) =>
      client
        .$transaction(async (tx) => {
          await create(tx)
          throw new Error('no')
        })
        .catch(() => {}),
  ],
]

const tokenAfter = (client: OpenClient, work: Work): Promise<string | undefined> =>
  requestWith(database, 'ewr', undefined, async () => {
    await work(client)
    return currentToken()
  })

describe.each([
  ['with the extension', true],
  ['without the extension', false],
])('Prisma %s', (_title, extended) => {
  test.each(WRITES)('rule 6: a position is in the scope when %s resolves', async (_work, work) => {
    await using client = open(database, 'ewr', { extended })
    const token = await tokenAfter(client, work)
    expect(parseToken(token ?? '')).toMatchObject([{ type: 'position', timeline: 1 }])
  })

  test.each(NOTHING)('nothing is captured after %s', async (_work, work) => {
    await using client = open(database, 'ewr', { extended })
    expect(await tokenAfter(client, work)).toBeUndefined()
  })

  test('a read with a token that a frozen replica has not reached goes to the primary', async () => {
    await using writer = open(database, 'ewr', { extended })
    await using reader = open(database, 'iad', {
      extended,
      config: { max: 1, flyback: { maxWaitMs: 20 } },
    })
    expect(await onStandby(reader)).toBe(true)
    await lab.freeze('iad')
    try {
      const token = await tokenAfter(writer, create)
      const reads: readonly Work[] = [
        (client) => onStandby(client),
        (client) => client.$transaction((tx) => onStandby(tx)),
        async (client) => {
          const [rows] = await client.$transaction([
            client.$queryRaw<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`,
          ])
          return rows[0]?.standby
        },
      ]
      for (const read of reads) {
        const refused = await failure(requestWith(database, 'iad', token, () => read(reader)))
        expect(findReplayRequired(refused)?.reason).toBe('stale')
        const here = { canReplay: false }
        expect(await requestWith(database, 'iad', token, () => read(reader), here)).toBe(false)
        expect(await read(reader)).toBe(true)
      }
    } finally {
      await lab.resume('iad')
    }
  })
})

describe('Prisma with the extension, when requests share a tick', () => {
  test.each<readonly [string, Work]>([
    ['$transaction([...])', (client) => client.$transaction([create(client)])],
    ['$transaction(fn)', (client) => client.$transaction((tx) => create(tx))],
    ['create', create],
  ])(
    'rule 15: of requests that share a tick, each has the position of its own %s',
    async (_work, work) => {
      await using client = open(database, 'ewr')
      for (let turn = 0; turn < 3; turn++) {
        const tokens = await Promise.all([
          tokenAfter(client, (one) => one.item.findUnique({ where: { id: 1 } })),
          tokenAfter(client, work),
          tokenAfter(client, work),
          tokenAfter(client, (one) => one.item.findUnique({ where: { id: 2 } })),
        ])
        expect(tokens.map((token) => token !== undefined)).toEqual([false, true, true, false])
      }
    },
  )

  test('rule 15: of reads that share a tick in the primary region, each is captured for its own request', async () => {
    await using client = open(database, 'ewr')
    const read = (id: number) =>
      requestWith(
        database,
        'ewr',
        undefined,
        async () => {
          await client.item.findUnique({ where: { id } })
          return currentToken()
        },
        { consistency: { monotonic: true } },
      )
    const tokens = await Promise.all([read(1), read(2), read(3)])
    expect(tokens.filter((token) => token === undefined)).toEqual([])
  })
})
