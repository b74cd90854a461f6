import type { Scope } from '@flyback/core'
import { sharedLab, type TestDatabase, tapWire, type WireTap } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inRequest, type OpenClient, open, openScope, SCHEMA, sessions } from './support.js'

// Prisma sends what several callers ask for in one tick in the async context of the first of them.

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const find = async (client: OpenClient, name: string): Promise<string | undefined> =>
  (await client.item.findUnique({ where: { name } }))?.name

/** Two requests whose first calls share a tick. */
function together<A, B>(
  first: [scope: Scope, work: () => Promise<A>],
  second: [scope: Scope, work: () => Promise<B>],
): Promise<[PromiseSettledResult<A>, PromiseSettledResult<B>]> {
  return Promise.allSettled([inRequest(...first), inRequest(...second)])
}

/** How many statements went over this wire. */
function executed(wire: WireTap): number {
  return wire.messages.filter((type) => type === 'E').length
}

async function count(name: string): Promise<number> {
  const rows = await database.query<{ n: number }>(
    'ewr',
    'replica',
    'select count(*)::int as n from item where name = $1',
    [name],
  )
  return rows[0]?.n ?? Number.NaN
}

describe.each([
  ['7.10', false],
  ['7.0', true],
])('requests that share a tick, on Prisma %s with the extension', (version, oldest) => {
  test('rule 15: reads of the same model go where the scope of each says', async () => {
    await using client = open(database, 'iad', { oldest })
    const [reader, writer] = [openScope(database), openScope(database, 'iad', true)]
    for (let i = 0; i < 3; i++) {
      expect(
        await together([reader, () => find(client, 'n1')], [writer, () => find(client, 'n2')]),
      ).toMatchObject([{ value: 'n1' }, { value: 'n2' }])
    }
    expect([reader.state, reader.usedReplica]).toEqual(['open', true])
    expect([writer.state, writer.usedReplica]).toEqual(['forwarding', false])
    expect(await sessions(database, 'ewr'), 'of the read on the primary').toHaveLength(1)
  })

  test('rule 12: a read of a request that forwards goes to the primary, behind one that reads here', async () => {
    await using wire = await tapWire(new URL(database.url('iad', 'replica')))
    await using client = open(database, 'iad', {
      oldest,
      config: { flyback: { replicaUrl: wire.url } },
    })
    await find(client, 'n1')
    wire.messages.length = 0
    const results = await together(
      [openScope(database), () => find(client, 'n1')],
      [
        openScope(database, 'iad', true),
        async () => await client.tag.findUnique({ where: { id: 1 } }),
      ],
    )
    expect(results).toMatchObject([{ value: 'n1' }, { value: { label: 'a' } }])
    expect(executed(wire)).toBe(1)
  })

  test('rule 15: the refusal of one request is not thrown at another', async () => {
    await using client = open(database, 'iad', { oldest })
    const [refused, reader] = [openScope(database), openScope(database)]
    const refusal = refused.refuse('ewr', 'write')
    const [first, second] = await together(
      [refused, () => find(client, 'n1')],
      [reader, () => find(client, 'n2')],
    )
    expect(first).toMatchObject({ reason: refusal })
    expect(second).toMatchObject({ value: 'n2' })
    expect(reader.state).toBe('open')
  })

  test('rule 1: a batch of a request that forwards writes once, behind one that only reads', async () => {
    await using client = open(database, 'iad', { oldest })
    const name = `batch-${version}`
    const [reader, writer] = [openScope(database), openScope(database, 'iad', true)]
    const results = await together(
      [reader, () => find(client, 'n1')],
      [
        writer,
        () => client.$transaction([client.item.create({ data: { name } }), client.item.count()]),
      ],
    )
    expect(results).toMatchObject([{ value: 'n1' }, { status: 'fulfilled' }])
    expect(await count(name)).toBe(1)
    expect([reader.state, reader.refusal, writer.state]).toEqual(['open', undefined, 'forwarding'])
  })

  test('rule 1: a batch of a request that may be replayed writes nothing, behind one that forwards', async () => {
    await using client = open(database, 'iad', { oldest })
    const name = `refused-${version}`
    const [forwards, replayable] = [openScope(database, 'iad', true), openScope(database)]
    const [, refused] = await together(
      [forwards, () => find(client, 'n1')],
      [
        replayable,
        () => client.$transaction([client.item.count(), client.item.create({ data: { name } })]),
      ],
    )
    expect(replayable.refusal).toBeDefined()
    expect(refused).toMatchObject({ reason: replayable.refusal })
    expect(await count(name)).toBe(0)
    expect([forwards.state, forwards.lostRefusal]).toEqual(['forwarding', undefined])
  })

  test('rule 15: statements of interactive transactions stay in their own scopes', async () => {
    await using client = open(database, 'iad', { oldest })
    const name = `interactive-${version}`
    const [reader, writer] = [openScope(database), openScope(database, 'iad', true)]
    let begun = (): void => {}
    const transaction = new Promise<void>((resolve) => {
      begun = resolve
    })
    const results = await together(
      [reader, () => transaction.then(() => find(client, 'n1'))],
      [
        writer,
        () =>
          client.$transaction(async (tx) => {
            begun()
            await transaction
            return await tx.item.create({ data: { name } })
          }),
      ],
    )
    expect(results).toMatchObject([{ value: 'n1' }, { value: { name } }])
    expect([reader.state, writer.usedReplica]).toEqual(['open', false])
  })

  test('reads asked onto the primary do not take along those of the same tick', async () => {
    await using wire = await tapWire(new URL(database.url('iad', 'replica')))
    await using client = open(database, 'iad', {
      oldest,
      config: { flyback: { replicaUrl: wire.url } },
    })
    await find(client, 'n1')
    wire.messages.length = 0
    const names = await Promise.all([
      client.$primary().item.findUnique({ where: { name: 'n2' } }),
      client.item.findUnique({ where: { name: 'n1' } }),
    ])
    expect(names).toMatchObject([{ name: 'n2' }, { name: 'n1' }])
    expect(executed(wire)).toBe(1)
  })
})

test('without the extension they run in the scope of the first, and the process is warned', async () => {
  await using client = open(database, 'iad', { extended: false })
  const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
  const [reader, writer] = [openScope(database), openScope(database, 'iad', true)]
  await together([reader, () => find(client, 'n1')], [writer, () => find(client, 'n2')])
  expect(reader.usedReplica).toBe(true)
  expect(writer.state, 'its read went elsewhere').toBe('forwarding')
  expect(await warning).toMatchObject({
    name: 'FlybackWarning',
    code: 'FLYBACK_PRISMA_SHARED_BATCHES',
  })
})

test('rule 15: without the extension an interactive transaction keeps its scope all the same', async () => {
  await using client = open(database, 'iad', { extended: false })
  const [refused, writer] = [openScope(database), openScope(database, 'iad', true)]
  refused.refuse('ewr', 'write')
  let begun = (): void => {}
  const transaction = new Promise<void>((resolve) => {
    begun = resolve
  })
  const [first, second] = await together(
    [refused, () => transaction.then(() => find(client, 'n1'))],
    [
      writer,
      () =>
        client.$transaction(async (tx) => {
          begun()
          await transaction
          return await tx.item.create({ data: { name: 'kept' } })
        }),
    ],
  )
  expect(first.status).toBe('rejected')
  expect(second).toMatchObject({ value: { name: 'kept' } })
})

test('the reads of one request share a statement, those of two do not', async () => {
  await using wire = await tapWire(new URL(database.url('iad', 'replica')))
  await using client = open(database, 'iad', { config: { flyback: { replicaUrl: wire.url } } })
  const both = async () => await Promise.all([find(client, 'n1'), find(client, 'n2')])
  await both()
  wire.messages.length = 0
  await inRequest(openScope(database), both)
  expect(executed(wire)).toBe(1)
  const one = async () => await find(client, 'n1')
  await together([openScope(database), one], [openScope(database), one])
  expect(executed(wire)).toBe(1 + 2)
})

test('a transaction of both clients is one transaction', async () => {
  await using client = open(database, 'ewr')
  const error = await client
    .$transaction([
      client.item.create({ data: { name: 'mixed' } }),
      client.$primary().item.create({ data: { name: 'n1' } }),
    ])
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'P2002' })
  expect(await count('mixed')).toBe(0)
})

test('a client on the primary is made once', async () => {
  await using client = open(database, 'iad')
  expect(client.$primary()).toBe(client.$primary())
})
