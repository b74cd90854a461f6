import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError, flybackExtension, PrismaFlyback } from '../src/index.js'
import { OldestPrismaClient, PrismaClient } from './clients.js'
import { extend, failure, inRequest, type OpenClient, open, openScope, SCHEMA } from './support.js'

// What the extension says of one call holds for that call: not for what the user's own code does beside it.

let database: TestDatabase
let other: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
  other = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(async () => {
  await database.drop()
  await other.drop()
})

interface HookCall {
  readonly args: { readonly where?: object }
  query(args: unknown): PromiseLike<unknown>
}

/** A client with a query hook of the user's, added after the extension. */
function hooked(client: OpenClient, query: object): OpenClient {
  return client.$extends({ query }) as unknown as OpenClient // adds nothing to it
}

type Reader = Pick<OpenClient, '$queryRawUnsafe'>

/** Whether a client reads from a standby. */
async function readsStandby(client: Reader): Promise<boolean | undefined> {
  const sql = 'select pg_is_in_recovery() as standby'
  const [row] = await client.$queryRawUnsafe<{ standby: boolean }[]>(sql)
  return row?.standby
}

describe.each([
  ['7.10', false],
  ['7.0', true],
])('Prisma %s', (version, oldest) => {
  test('a hook on a write reads another database, whose replica is beside it', async () => {
    await using x = open(database, 'ewr', { oldest })
    await using y = open(other, 'iad', { oldest })
    const seen: unknown[] = []
    const client = hooked(x, {
      item: {
        async create({ args, query }: HookCall) {
          seen.push(await readsStandby(y), (await y.item.findFirst())?.name)
          return await query(args)
        },
      },
    })
    const name = `hooked-${version}`
    const scope = openScope(other)
    const made = inRequest(scope, async () => await client.item.create({ data: { name } }))
    expect(await made).toMatchObject({ name })
    expect(seen).toEqual([true, 'n1'])
    expect([scope.usedReplica, scope.refusal, scope.lostRefusal]).toEqual([
      true,
      undefined,
      undefined,
    ])
  })

  test('a hook that reads instead of writing is not refused; one that writes after all is', async () => {
    await using plain = open(database, 'iad', { oldest })
    const dryRun = hooked(plain, {
      item: { delete: ({ args }: HookCall) => plain.item.findUnique(args as never) },
    })
    const scope = openScope(database)
    const where = { name: 'n1' }
    expect(await inRequest(scope, async () => await dryRun.item.delete({ where }))).toMatchObject(
      where,
    )
    expect(scope.state).toBe('open')
    const soft = hooked(plain, {
      item: {
        delete: ({ args }: HookCall) => plain.item.update({ ...args, data: { qty: -1 } } as never),
      },
    })
    expect(await failure(soft.item.delete({ where }))).toMatchObject({ reason: 'known-write' })
  })

  test('a hook after $primary() reads the plain client and other databases where they are', async () => {
    await using client = open(database, 'iad', { oldest })
    await using y = open(other, 'iad', { oldest })
    const seen: unknown[] = []
    const watched = hooked(client.$primary() as OpenClient, {
      async $allOperations({ args, query }: HookCall) {
        seen.push(await readsStandby(y), await readsStandby(client))
        return await query(args)
      },
    })
    expect(await readsStandby(watched)).toBe(false)
    expect(seen).toEqual([true, true])
  })

  test('in $primary().$transaction(...) only the transaction is on the primary', async () => {
    await using client = open(database, 'iad', { oldest })
    await using y = open(other, 'iad', { oldest })
    await using bare = open(other, 'iad', { oldest, extended: false })
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let background: Promise<unknown> | undefined
    const seen = await client.$primary().$transaction(async (tx) => {
      background = ended.then(() =>
        Promise.all([y, bare, client].map((reader) => readsStandby(reader))),
      )
      const inside = [tx, y, bare, client].map((reader) => readsStandby(reader))
      const started = client.$transaction((own) => readsStandby(own))
      return await Promise.all([...inside, started])
    })
    expect(seen).toEqual([false, true, true, true, true])
    end()
    expect(await background, 'after it has ended').toEqual([true, true, true])
  })

  test('a log handler of a call asked onto the primary reads another database beside it', async () => {
    await using client = open(database, 'iad', { oldest, log: true })
    await using bare = open(other, 'iad', { oldest, extended: false })
    await bare.item.count()
    const seen: Promise<unknown>[] = []
    client.onQuery(() => seen.push(readsStandby(bare)))
    expect(await readsStandby(client.$primary())).toBe(false)
    expect(await Promise.all(seen)).toEqual([true])
  })

  test('what a log handler left behind begins its transactions beside it', async () => {
    await using client = open(database, 'iad', { oldest, log: true })
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let left: Promise<unknown> | undefined
    client.onQuery(() => {
      left ??= ended.then(() => client.$transaction((tx) => readsStandby(tx)))
    })
    expect(await readsStandby(client.$primary())).toBe(false)
    end()
    expect(await left).toBe(true)
  })

  test('a factory that wraps ours keeps $primary() and known writes', async () => {
    const adapter = new PrismaFlyback({ flyback: { env: database.env('iad') } })
    const wrapper: Pick<PrismaFlyback, 'provider' | 'adapterName' | 'connect'> = {
      provider: adapter.provider,
      adapterName: adapter.adapterName,
      connect: () => adapter.connect(),
    }
    const plain = new (oldest ? OldestPrismaClient : PrismaClient)({ adapter: wrapper })
    try {
      const client = extend(plain)
      expect(await readsStandby(client.$primary())).toBe(false)
      expect(await readsStandby(client)).toBe(true)
      expect(await failure(client.item.deleteMany())).toMatchObject({ reason: 'known-write' })
    } finally {
      await plain.$disconnect()
    }
  })

  test('an array with one operation on the primary runs there, all of it and in one transaction', async () => {
    await using client = open(database, 'iad', { oldest })
    const here = () =>
      client.$queryRawUnsafe('select pg_is_in_recovery() as r, txid_current()::text')
    const there = () =>
      client.$primary().$queryRawUnsafe('select pg_is_in_recovery() as r, txid_current()::text')
    for (const make of [() => [here(), there()], () => [there(), here()], () => [there()]]) {
      for (const scope of [openScope(database), undefined]) {
        const run = async () => (await client.$transaction(make())) as { r: boolean }[][]
        const rows = (await (scope ? inRequest(scope, run) : run())).flat()
        expect(rows.map(({ r }) => r)).toEqual(rows.map(() => false))
        expect(new Set(rows.map((row) => Reflect.get(row, 'txid_current'))).size).toBe(1)
        if (scope !== undefined) expect(scope.state).toBe('forwarding')
      }
    }
    const scope = openScope(database)
    await inRequest(scope, async () => await client.$transaction([client.item.count()]))
    expect(scope.state, 'of an array with none').toBe('open')
  })

  test('an array of plain operations given to $primary() runs on the primary', async () => {
    await using client = open(database, 'iad', { oldest })
    const sql = 'select pg_is_in_recovery() as r'
    const rows = await client
      .$primary()
      .$transaction([client.$queryRawUnsafe(sql), client.$queryRawUnsafe(sql)])
    expect(rows).toEqual([[{ r: false }], [{ r: false }]])
  })

  test('an array with one operation on the primary, after reads of the replica, is refused unsent', async () => {
    await using client = open(database, 'iad', { oldest })
    const scope = openScope(database)
    const error = await inRequest(scope, async () => {
      await client.item.count()
      return await failure(
        client.$transaction([client.item.count(), client.$primary().item.count()]),
      )
    })
    expect(error).toBe(scope.refusal)
    expect(scope.refusal?.reason).toBe('mixed-reads')
  })

  test('a hook that makes each operation an array keeps $primary() on the primary', async () => {
    await using client = open(database, 'iad', { oldest })
    const wrapped = hooked(client, {
      async $allOperations({ args, query }: HookCall) {
        const setting = client.$executeRawUnsafe("set local application_name = 'tenant'")
        const [, result] = await client.$transaction([setting, query(args) as never])
        return result
      },
    })
    expect(await readsStandby(wrapped)).toBe(true)
    expect(await readsStandby(wrapped.$primary())).toBe(false)
  })
})

test('a client whose requests cannot be told apart refuses $primary(), and says so', () => {
  const strange = {
    $extends: (extension: { client: object }) => ({ ...strange, ...extension.client }),
  }
  const client = flybackExtension()(strange) as unknown as { $primary(): unknown }
  expect(() => client.$primary()).toThrow(ConfigurationError)
  expect(() => client.$primary()).toThrow(/use runOnPrimary/)
})
