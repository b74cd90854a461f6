import { connect, createServer, type Socket } from 'node:net'
import { detectDeployment, Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import type driver from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PrimaryUnavailable, ReplayRequired, runOnPrimary, type Sql } from '../src/index.js'
import { failure, opener, openScope, SCHEMA } from './support.js'
import { VERSIONS } from './versions.js'

// What a member that stops, is promoted, conflicts or is read-only does is in the contract of all adapters. Here: the ways in
// which postgres.js itself breaks, each of which ends the process or a slot of its pool with the bare driver.

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

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
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 5))
  } finally {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
  }
  return caught
}

const sessions = (application: string): string =>
  `select pid from pg_stat_activity where application_name = '${application}'`

/** Ends the sessions of an application; resolves when they are gone. */
async function kill(region: string, application: string): Promise<void> {
  const killed = await database.query<{ pid: number }>(region, 'replica', sessions(application))
  const pids = killed.map(({ pid }) => pid)
  await database.query(
    region,
    'replica',
    'select pg_terminate_backend(pid) from unnest($1::int[]) pid',
    [pids],
  )
  const left = 'select pid from pg_stat_activity where pid = any($1::int[])'
  await expect.poll(() => database.query(region, 'replica', left, [pids])).toEqual([])
}

const running = (region: string, word: string): Promise<void> =>
  expect
    .poll(async () => {
      const sql = `select count(*)::int as n from pg_stat_activity where state = 'active' and query like '%${word}%' and pid <> pg_backend_pid()`
      return (await database.query<{ n: number }>(region, 'replica', sql))[0]?.n
    })
    .toBeGreaterThan(0)

interface Endpoint extends AsyncDisposable {
  readonly url: string
  readonly connections: () => number
}

/** A TCP endpoint under the URL of a server, with a handler of one's own for its connections. */
async function endpoint(
  target: string,
  handle: (socket: Socket, url: URL) => void,
): Promise<Endpoint> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    handle(socket, new URL(target))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(Reflect.get(Object(server.address()), 'port'))
  return {
    url: url.href,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe.each(VERSIONS)('rule 22: with postgres.js %s', (version, _bare, postgres) => {
  const open = opener(postgres)
  const application = `faults-${version}`
  const options = { max: 1, connection: { application_name: application } }
  const standby = async (sql: driver.ISql): Promise<unknown> =>
    (await sql`select pg_is_in_recovery() as standby`)[0]?.['standby']

  test.each<[string, (sql: Sql) => Promise<unknown>]>([
    [
      'idle in the pool',
      async (sql) => {
        await sql`select 1`
        await kill('iad', application)
      },
    ],
    [
      'idle in a transaction',
      async (sql) => {
        const error = await failure(
          sql.begin(async (tx) => {
            await tx`select 1`
            await kill('iad', application)
            await failure(tx`select ${1}::int`)
            await failure(tx`select 2`)
            return await tx.savepoint((inner) => inner`select 3`)
          }),
        )
        expect(error).toMatchObject({ code: 'CONNECTION_CLOSED' })
      },
    ],
    [
      'idle in a transaction whose callback never ends',
      async (sql) => {
        const transaction = failure(
          sql.begin(async (tx) => {
            await tx`select 1`
            await new Promise(() => {})
          }),
        )
        await expect
          .poll(() => database.query('iad', 'replica', sessions(application)))
          .toHaveLength(1)
        await kill('iad', application)
        expect(await transaction).toMatchObject({ code: 'CONNECTION_CLOSED' })
      },
    ],
    [
      'under a statement of a transaction',
      async (sql) => {
        const ended = failure(sql.begin((tx) => tx`select pg_sleep(20) as lost_in_begin`))
        await running('iad', 'lost_in_begin')
        await kill('iad', application)
        expect(await ended).toBeInstanceOf(Error)
      },
    ],
    [
      'under a pipeline of a transaction',
      async (sql) => {
        const ended = failure(
          sql.begin((tx) => [
            tx`select pg_sleep(20) as lost_pipeline`,
            tx`select ${1}::int`,
            tx`select 2`,
          ]),
        )
        await running('iad', 'lost_pipeline')
        await kill('iad', application)
        expect(await ended).toBeInstanceOf(Error)
      },
    ],
    [
      'under a statement of a reserved connection',
      async (sql) => {
        const reserved = await sql.reserve()
        const ended = failure(reserved`select pg_sleep(20) as lost_reserved`)
        await running('iad', 'lost_reserved')
        await kill('iad', application)
        expect(await ended).toBeInstanceOf(Error)
        for (const query of [
          reserved`select 1`,
          reserved.unsafe('select 2'),
          reserved`select ${3}::int`,
        ]) {
          expect(await failure(query)).toMatchObject({ code: 'CONNECTION_CLOSED' })
        }
        reserved.release()
      },
    ],
    [
      'under a cursor that has delivered',
      async (sql) => {
        const seen: unknown[] = []
        const reading = (async () => {
          const query = sql`select g, case when g = 3 then pg_sleep(20)::text end as lost_cursor from generate_series(1, 5) g`
          for await (const rows of query.cursor(1)) seen.push(...rows)
        })()
        const ended = failure(reading)
        await running('iad', 'lost_cursor')
        await kill('iad', application)
        expect(await ended).toBeInstanceOf(Error)
        expect(seen).toHaveLength(2)
      },
    ],
    [
      'under a COPY',
      async (sql) => {
        const stream =
          await sql`copy (select repeat('x', 1000), case when g > 5000 then pg_sleep(20)::text end as lost_copy from generate_series(1, 6000) g) to stdout`.readable()
        const ended = failure(
          (async () => {
            for await (const chunk of stream) void chunk
          })(),
        )
        await running('iad', 'lost_copy')
        await kill('iad', application)
        expect(await ended).toBeInstanceOf(Error)
      },
    ],
  ])('a backend that dies %s crashes nothing, and the pool serves on', async (_title, lose) => {
    await using opened = open(database, 'iad', options)
    expect(await crashes(() => lose(opened.sql))).toEqual([])
    for (let turn = 0; turn < 3; turn++) expect(await standby(opened.sql)).toBe(true)
    expect(await opened.sql.begin((tx) => standby(tx))).toBe(true)
  })

  test('a backend that dies under many reads of one connection: each runs elsewhere, once', async () => {
    await using opened = open(database, 'iad', options)
    const { sql } = opened
    await sql`select 1`
    const reads = Array.from(
      { length: 20 },
      (_, i) =>
        sql`select ${i}::int as i, case when pg_is_in_recovery() and ${i} = 0 then pg_sleep(20)::text end as lost_reads`,
    )
    const answers = Promise.all(reads)
    expect(
      await crashes(async () => {
        await running('iad', 'lost_reads')
        await kill('iad', application)
        expect((await answers).map(([row]) => row?.['i'])).toEqual(reads.map((_, i) => i))
      }),
    ).toEqual([])
    expect(await standby(sql)).toBe(true)
  })

  test('what waited in the pipeline of a backend that died, unsent, runs once', async () => {
    await using opened = open(database, 'ewr', options)
    const { sql } = opened
    const name = `waited-${version}`
    const lost = failure(sql`select ${1}::int, pg_sleep(20) as lost_before`)
    const waited = sql`insert into item (name) values (${name})`.execute()
    expect(
      await crashes(async () => {
        await running('ewr', 'lost_before')
        await kill('ewr', application)
        expect(await lost).toBeInstanceOf(Error)
        expect((await waited).count).toBe(1)
      }),
    ).toEqual([])
    const written = 'select count(*)::int as n from item where name = $1'
    expect(await database.query('ewr', 'writer', written, [name])).toEqual([{ n: 1 }])
  })

  test('a connection that is reset under a transaction: what follows at once rejects, too', async () => {
    await using broken = await endpoint(
      database.url('iad', 'replica'),
      (socket, { hostname, port }) => {
        const server = connect(Number(port), hostname)
        server.on('error', () => {})
        server.pipe(socket)
        socket.on('data', (chunk) => {
          if (chunk.includes('reset_here')) socket.resetAndDestroy()
          else server.write(chunk)
        })
      },
    )
    await using opened = open(database, 'iad', { flyback: { replicaUrl: broken.url } })
    expect(
      await crashes(async () => {
        const ended = opened.sql.begin(async (tx) => {
          await failure(tx`select 1 as reset_here`)
          return await tx`select 2`
        })
        expect(await failure(ended)).toBeInstanceOf(Error)
      }),
    ).toEqual([])
  })

  test('a connection lost while the types are fetched: the read runs on the primary', async () => {
    await using broken = await endpoint(
      database.url('iad', 'replica'),
      (socket, { hostname, port }) => {
        const server = connect(Number(port), hostname)
        server.on('error', () => {})
        server.pipe(socket)
        socket.on('data', (chunk) => {
          if (chunk.includes('pg_catalog.pg_type')) {
            socket.destroy()
            server.destroy()
          } else server.write(chunk)
        })
      },
    )
    await using opened = open(database, 'iad', { flyback: { replicaUrl: broken.url } })
    const scope = openScope(database, 'iad')
    expect(
      await crashes(async () => {
        expect(await runInScope(scope, () => standby(opened.sql))).toBe(false)
      }),
    ).toEqual([])
    expect(scope.state).toBe('forwarding')
  })

  test('a server that refuses the type query: what the user asks decides', async () => {
    const serializable = { connection: { default_transaction_isolation: 'serializable' } } as const
    await using opened = open(database, 'iad', serializable)
    expect(
      await crashes(async () => {
        expect(await failure(opened.sql`select 1 from item`)).toBeInstanceOf(ReplayRequired)
        expect(await opened.sql`show transaction_isolation`).toHaveLength(1)
      }),
    ).toEqual([])
  })

  test('without fetch_types nothing is fetched', async () => {
    await using opened = open(database, 'iad', { fetch_types: false })
    expect(await opened.sql`select array[1] as a`).toEqual([{ a: '{1}' }])
  })

  describe('an endpoint that never becomes a connection', () => {
    const flyback = { writerDeadlineMs: 1 }
    const hangs: [string, (socket: Socket) => void][] = [
      ['accepts and says nothing', () => {}],
      ['accepts and closes, as a proxy with nobody behind it', (socket) => void socket.end()],
    ]

    test.each(hangs)('of the replica %s: reads go to the primary', async (_title, handle) => {
      await using broken = await endpoint(database.url('iad', 'replica'), handle)
      await using opened = open(database, 'iad', {
        flyback: { ...flyback, replicaUrl: broken.url },
      })
      const scope = openScope(database, 'iad')
      expect(await runInScope(scope, () => standby(opened.sql))).toBe(false)
      expect(scope.state).toBe('forwarding')
      await using failing = open(database, 'iad', {
        flyback: { ...flyback, replicaUrl: broken.url, whenReplicaDown: 'fail' },
      })
      expect(await failure(failing.sql`select 1`)).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    })

    test.each(hangs)(
      'of the writer %s: PrimaryUnavailable(unreachable)',
      async (_title, handle) => {
        await using broken = await endpoint(database.url('ewr', 'writer'), handle)
        const sql = postgres(broken.url, { flyback: { ...flyback, env: database.env('ewr') } })
        const [query, transaction] = [
          failure(sql`select 1`),
          failure(sql.begin((tx) => tx`select 1`)),
        ]
        for (const error of await Promise.all([query, transaction])) {
          expect(error).toBeInstanceOf(PrimaryUnavailable)
          expect(error).toMatchObject({ reason: 'unreachable', cause: { code: 'CONNECT_TIMEOUT' } })
        }
        await sql.end()
        const after = broken.connections()
        // Each of the two lanes may have had one more connection under way.
        await new Promise((resolve) => setTimeout(resolve, 100))
        expect(broken.connections(), 'nobody goes on connecting').toBeLessThanOrEqual(after + 2)
      },
    )

    test('the shorter connect_timeout of the user is the error of the driver', async () => {
      await using broken = await endpoint(database.url('ewr', 'writer'), () => {})
      const sql = postgres(broken.url, {
        connect_timeout: 0.1,
        flyback: { env: database.env('ewr') },
      })
      expect(await failure(sql`select 1`)).toMatchObject({ code: 'CONNECT_TIMEOUT' })
      await sql.end()
    })
  })

  test('a listener hears again after its backend has died', async () => {
    await using opened = open(database, 'iad', options)
    const heard: string[] = []
    let listening = 0
    await opened.sql.listen(
      'again',
      (payload) => heard.push(payload),
      () => listening++,
    )
    expect(await crashes(() => kill('ewr', application))).toEqual([])
    await expect.poll(() => listening).toBe(2)
    await opened.sql.notify('again', 'heard')
    await expect.poll(() => heard).toEqual(['heard'])
  })

  test('a recovery conflict runs once more on the replica, then on the primary; one in a transaction is the error of the driver', async () => {
    await database.query(
      'ewr',
      'writer',
      `create or replace function conflict() returns bool language plpgsql as
      $$ begin if pg_is_in_recovery() then raise 'conflict' using errcode = '40001'; end if; return true; end $$`,
    )
    await sharedLab().caughtUp()
    await using opened = open(database, 'iad', options)
    const sent: string[] = []
    await using watched = open(database, 'iad', { max: 1, debug: (_, text) => sent.push(text) })
    const scope = openScope(database, 'iad')
    expect(await runInScope(scope, () => watched.sql`select conflict() as c`)).toEqual([
      { c: true },
    ])
    expect(scope.state).toBe('forwarding')
    expect(sent.filter((text) => text.includes('conflict'))).toHaveLength(3)
    expect(await failure(opened.sql.begin((tx) => tx`select conflict()`))).toMatchObject({
      code: '40001',
    })
  })

  test('parameters survive being sent again', async () => {
    await using opened = open(database, 'iad', options)
    const { sql } = opened
    const when = new Date(1.6e12)
    const query = sql`select ${when}::timestamptz as d, ${sql.json({ a: 1 })} as j, ${sql.array([1, 2])} as a, conflict() as c`
    expect(await query).toEqual([{ d: when, j: { a: 1 }, a: ['1', '2'], c: true }])
  })

  test('rule 17: a writer lane that announced a standby serves nothing after it', async () => {
    const { role, primaryRegion } = detectDeployment(database.env('ewr'))
    const scope = new Scope({ role, primaryRegion, canReplay: false })
    const flyback = { env: database.env('ewr'), writerDeadlineMs: 100 }
    const sql = postgres(database.url('iad', 'replica'), { flyback })
    for (const work of [
      () => sql`select 1`,
      () => sql.begin((tx) => tx`select 1`),
      () => sql.listen('x', () => {}),
    ]) {
      expect(await runInScope(scope, () => failure(work()))).toMatchObject({
        name: 'PrimaryUnavailable',
        reason: 'standby',
      })
    }
    expect(scope.refusal).toBeUndefined()
    await sql.end()
  })

  test('a replica that is gone for a transaction leaves it to the primary', async () => {
    const url = new URL(database.url('iad', 'replica'))
    url.port = '1'
    await using opened = open(database, 'iad', { flyback: { replicaUrl: url.href } })
    expect(await opened.sql.begin((tx) => standby(tx))).toBe(false)
    expect(await runOnPrimary(() => standby(opened.sql))).toBe(false)
    const reserved = await opened.sql.reserve()
    expect(await standby(reserved)).toBe(false)
    reserved.release()
  })
})
