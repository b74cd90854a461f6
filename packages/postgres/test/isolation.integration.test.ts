import { connect, createServer } from 'node:net'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ReplayRequired } from '../src/index.js'
import { failure, inRequest, opener, openScope, SCHEMA } from './support.js'
import { VERSIONS } from './versions.js'

// One request never pays for another: answers, errors, transactions and connections stay with whom they belong to.

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
  await database.query(
    'ewr',
    'writer',
    `create function conflict() returns bool language plpgsql as
    $$ begin if pg_is_in_recovery() then raise 'conflict' using errcode = '40001'; end if; return true; end $$`,
  )
  await sharedLab().caughtUp()
})
afterAll(() => database.drop())

interface Relay extends AsyncDisposable {
  readonly url: string
  /** Takes no more connections. */
  refuse(): void
}

/** A proxy whose answers wait for each other for a while, so that several arrive in one chunk. */
async function relay(target: string, waitMs: number): Promise<Relay> {
  const { hostname, port } = new URL(target)
  const server = createServer((socket) => {
    const upstream = connect(Number(port), hostname)
    let held: Buffer[] = []
    socket.on('error', () => {})
    upstream.on('error', () => {})
    socket.on('close', () => upstream.destroy())
    upstream.on('close', () => socket.destroy())
    socket.pipe(upstream)
    upstream.on('data', (chunk) => {
      if (held.length === 0) {
        setTimeout(() => {
          socket.write(Buffer.concat(held))
          held = []
        }, waitMs)
      }
      held.push(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(Reflect.get(Object(server.address()), 'port'))
  return {
    url: url.href,
    refuse: () => void server.close(),
    async [Symbol.asyncDispose]() {
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Collects what would have ended the process while `work` runs, and a moment longer. */
async function crashes(work: () => Promise<unknown>): Promise<unknown[]> {
  const caught: unknown[] = []
  const note = (error: unknown): void => {
    caught.push(error)
  }
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  try {
    await work()
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 5))
  } finally {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
  }
  return caught
}

const throwing = (error: unknown) => ({
  boom: {
    to: 23,
    from: [23],
    parse(): number {
      throw error
    },
    serialize: String,
  },
})

describe.each(VERSIONS)('rule 15: with postgres.js %s', (version, _bare, postgres) => {
  const open = opener(postgres)
  const names = async (name: string): Promise<number> =>
    (await database.query('ewr', 'writer', 'select 1 from item where name = $1', [name])).length

  test('a statement that the driver plans again does not take the error of the next in the pipeline', async () => {
    const table = `planned_${version.replaceAll('.', '_')}`
    await database.query('ewr', 'writer', `create table ${table} (a int)`)
    await sharedLab().caughtUp()
    await using slow = await relay(database.url('iad', 'replica'), 25)
    await using opened = open(database, 'iad', { max: 1, flyback: { replicaUrl: slow.url } })
    const { sql } = opened
    const read = async () =>
      await sql.unsafe(`select * from ${table}`, [], { prepare: true, simple: false } as object)
    await read()
    await database.query('ewr', 'writer', `alter table ${table} add column b int`)
    await sharedLab().caughtUp()
    const [reading, writing] = [openScope(database, 'iad'), openScope(database, 'iad')]
    const [rows, error] = await Promise.all([
      inRequest(reading, read),
      inRequest(writing, () => failure(sql`insert into ${sql(table)} values (2)`)),
    ])
    expect(rows).toEqual([])
    expect(error).toBeInstanceOf(ReplayRequired)
    expect([reading.state, writing.state]).toEqual(['open', 'replaying'])
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  })

  test.each([
    ['rollback', ['begin', 'savepoint a', 'rollback']],
    ['a failed commit', ['begin', 'savepoint a', 'select 1 / 0', 'commit']],
    ['no end', ['begin', "insert into item (name) values ('abandoned')"]],
  ])(
    'a reserved connection released after %s fails nobody, and leaves nothing open',
    async (_title, statements) => {
      await using opened = open(database, 'ewr', { max: 2 })
      const { sql } = opened
      const reserved = await sql.reserve()
      for (const statement of statements) await reserved.unsafe(statement).catch(() => {})
      reserved.release()
      for (let turn = 0; turn < 3; turn++) expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
      await sql.begin((tx) => tx`select 1`)
      expect(await names('abandoned')).toBe(0)
    },
  )

  test('a released connection still answers what was sent on it', async () => {
    await using opened = open(database, 'ewr', { max: 1 })
    const reserved = await opened.sql.reserve()
    const running = reserved`select pg_sleep(0.1)::text, 1 as one`.execute()
    await new Promise(setImmediate)
    reserved.release()
    expect(await opened.sql`select 2 as two`).toEqual([{ two: 2 }])
    expect(await running).toMatchObject([{ one: 1 }])
  })

  test('a COPY to stdout that is broken off harms no other query, and leaves no session behind', async () => {
    const name = `broken-off-${version}`
    await using opened = open(database, 'ewr', { connection: { application_name: name } })
    const { sql } = opened
    const stream =
      await sql`copy (select repeat('x', 1000) from generate_series(1, 200000)) to stdout`.readable()
    for await (const chunk of stream) {
      void chunk
      break
    }
    for (let i = 0; i < 4; i++) expect(await sql`select ${i}::int as i`).toEqual([{ i }])
    await expect
      .poll(() =>
        database.query(
          'ewr',
          'writer',
          `select query from pg_stat_activity where application_name = '${name}' and query like 'copy%'`,
        ),
      )
      .toEqual([])
  })

  describe('a parser that throws', () => {
    test('in a cursor: the next queries get their own answers', async () => {
      const types = throwing(new Error('mine'))
      await using opened = open(database, 'ewr', { max: 1, types })
      const { sql } = opened
      const reading = sql`select g::int from generate_series(1, 5) g`.cursor(5, () => {})
      expect((await failure(reading)).message).toBe('mine')
      const name = `after-cursor-${version}`
      expect(await sql`insert into item (name) values (${name}) returning name`).toEqual([{ name }])
      expect(await sql`select 'one' as one`).toEqual([{ one: 'one' }])
    })

    test('in a cursor of a transaction: it rejects with that, and nothing is committed', async () => {
      const types = throwing(new Error('mine'))
      await using opened = open(database, 'ewr', { max: 1, types })
      const { sql } = opened
      const name = `in-cursor-${version}`
      const work = sql.begin(async (tx) => {
        await tx`insert into item (name) values (${name})`
        await tx`select g::int from generate_series(1, 5) g`.cursor(5, () => {})
      })
      expect((await failure(work)).message).toBe('mine')
      expect(await names(name)).toBe(0)
      expect(await sql`select 'one' as one`).toEqual([{ one: 'one' }])
    })

    test('with the code of a lost connection: the replica is not taken for lost', async () => {
      const error = Object.assign(new Error('mine'), { code: 'ECONNRESET' })
      await using opened = open(database, 'iad', { max: 1, types: throwing(error) })
      const scope = openScope(database, 'iad')
      const caught = await inRequest(scope, () => failure(opened.sql`select 1::int`))
      expect(caught.message).toBe('mine')
      expect(scope.state).toBe('open')
    })
  })

  test('a callback of a cursor that throws harms no other query, and says nothing of the connection', async () => {
    await using opened = open(database, 'iad', { max: 1 })
    for (const each of [
      () => {
        throw Object.assign(new Error('mine'), { code: 'ECONNRESET', errno: -104 })
      },
      () => Promise.reject(new Error('mine')),
    ]) {
      const reading = opened.sql`select g from generate_series(1, 5) g`.cursor(
        2,
        each as () => void,
      )
      const scope = openScope(database, 'iad')
      expect((await inRequest(scope, () => failure(reading))).message).toBe('mine')
      expect(scope.state).toBe('open')
      expect(await opened.sql`select 1 as one`).toEqual([{ one: 1 }])
    }
  })

  describe('a recovery conflict', () => {
    test('under a cursor that has delivered nothing runs elsewhere', async () => {
      await using opened = open(database, 'iad')
      const rows: unknown[] = []
      for await (const some of opened.sql`select conflict() as c`.cursor(5)) rows.push(...some)
      expect(rows).toEqual([{ c: true }])
    })

    test('after a cursor that failed still runs elsewhere', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      await failure(opened.sql`select 1 / 0`.cursor(5, () => {}))
      expect(await opened.sql`select conflict() as c`).toEqual([{ c: true }])
    })

    test('under a COPY is the error of its stream, and ends no process', async () => {
      await using slow = await relay(database.url('iad', 'replica'), 25)
      await using opened = open(database, 'iad', { flyback: { replicaUrl: slow.url } })
      const read = async (): Promise<void> => {
        const stream = await opened.sql`copy (select conflict()) to stdout`.readable()
        for await (const chunk of stream) void chunk
      }
      expect(
        await crashes(async () => expect(await failure(read())).toMatchObject({ code: '40001' })),
      ).toEqual([])
    })
  })

  test('rule 22: a cancel that reaches nobody ends no process', async () => {
    await using slow = await relay(database.url('ewr', 'writer'), 0)
    const sql = postgres(slow.url, { max: 1, flyback: { env: database.env('ewr') } })
    await sql`select 1`
    const query = sql`select pg_sleep(0.2)`
    const ended = query.execute()
    await new Promise((resolve) => setTimeout(resolve, 50))
    slow.refuse()
    expect(
      await crashes(async () => {
        query.cancel()
        await ended
      }),
    ).toEqual([])
    await sql.end()
  })

  test.each(['idle_timeout', 'max_lifetime'])(
    '%s leaves a bare transaction whole',
    async (option) => {
      await using opened = open(database, 'ewr', { max: 1, [option]: 0.15 })
      const { sql } = opened
      const name = `whole-${option}-${version}`
      await sql`begin`
      await sql`insert into item (name) values (${name})`
      await new Promise((resolve) => setTimeout(resolve, 400))
      await sql`select 1`
      await sql`rollback`
      expect(await names(name)).toBe(0)
      const [before] = await sql`select pg_backend_pid() as pid`
      await new Promise((resolve) => setTimeout(resolve, 400))
      const [after] = await sql`select pg_backend_pid() as pid`
      expect(after, 'and ends the connection after it').not.toEqual(before)
    },
  )
})
