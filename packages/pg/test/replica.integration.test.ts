import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Pool as FlybackPool,
  findReplayRequired,
  type Pool,
  type PoolConfig,
  ReplayRequired,
  runOnPrimary,
} from '../src/index.js'
import { failure, inRequest, openPool, openScope, SCHEMA, settled } from './support.js'

const lab = sharedLab()
let database: TestDatabase
beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const WHO = 'select host(inet_server_addr()) as host, pg_is_in_recovery() as standby'
const INSERT = "insert into item (name) values ('x')"

describe.each(['iad', 'syd'])('a pool in the replica region %s', (region) => {
  test('reads from the member beside it', async () => {
    await using open = openPool(database, region)
    const { rows } = await open.pool.query(WHO)
    expect(rows[0]).toEqual({
      host: new URL(database.url(region, 'replica')).hostname,
      standby: true,
    })
  })
})

describe('the replica endpoint derived from the URL', () => {
  test.each([
    ['DATABASE_URL', (url: URL) => ({ env: { DATABASE_URL: url.href }, config: {} })],
    ['connectionString', (url: URL) => ({ env: {}, config: { connectionString: url.href } })],
    [
      'host, and a port as a string, as JavaScript passes on from its environment',
      (url: URL) => {
        const { hostname: host, port, username: user, password } = url
        const config = { host, port, user, password, database: url.pathname.slice(1) }
        // pg takes it, its types do not.
        return { env: {}, config: config as unknown as PoolConfig }
      },
    ],
    [
      'host and port',
      (url: URL) => ({
        env: {},
        config: {
          host: url.hostname,
          port: Number(url.port),
          user: url.username,
          password: url.password,
          database: url.pathname.slice(1),
        },
      }),
    ],
  ])('reads on 5433 and writes on 5432: %s', async (_title, from) => {
    const url = new URL(database.url('iad', 'writer'))
    expect(url.port, 'the lab of this machine has the usual ports').toBe('5432')
    const { env, config } = from(url)
    const regions = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', FLYBACK_REWRITE_LOOPBACK: '1' }
    const pool = new FlybackPool({ ...config, flyback: { env: { ...regions, ...env } } })
    expect((await pool.query(WHO)).rows[0]).toMatchObject({ standby: true })
    expect((await pool.primary.query(WHO)).rows[0]).toMatchObject({ standby: false })
    await pool.end()
  })
})

test('rule 21: a PGPORT that is no port is left to pg, unless a replica endpoint has to be derived from it', () => {
  const port = { PGPORT: 'nonsense' }
  for (const regions of [{}, { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }]) {
    expect(new FlybackPool({ flyback: { env: { ...port, ...regions } } })).toBeInstanceOf(pg.Pool)
  }
  const env = { ...port, FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
  expect(() => new FlybackPool({ flyback: { env } })).toThrow(/PGPORT/)
})

test('a pool in the primary region reads and writes on the primary', async () => {
  await using open = openPool(database, 'ewr')
  const { rows } = await open.pool.query(WHO)
  expect(rows[0]).toMatchObject({ standby: false })
  const inserted = await open.pool.query("insert into item (name) values ('p') returning name")
  expect(inserted.rows).toEqual([{ name: 'p' }])
  expect(open.pool.primary).toBe(open.pool)
})

describe('a statement that needs the primary throws ReplayRequired', () => {
  const statements: [title: string, sql: string][] = [
    ['INSERT', INSERT],
    ['UPDATE', 'update item set qty = 1'],
    ['UPDATE of no rows', 'update item set qty = 1 where false'],
    ['DELETE of no rows', 'delete from item where false'],
    ['SELECT FOR UPDATE', 'select * from item for update'],
    ['SELECT FOR SHARE of no rows', 'select * from item where false for share'],
    ['nextval', "select nextval('item_id_seq')"],
    [
      'a writable CTE',
      "with w as (insert into item (name) values ('c') returning 1) select * from w",
    ],
    ['a writing function', 'select write_item()'],
    ['a DO block that writes', "do $$ begin insert into item (name) values ('d'); end $$"],
    ['LISTEN', 'listen channel'],
    ['NOTIFY', "notify channel, 'x'"],
    ['a temporary table', 'create temp table t (id int)'],
    ['LOCK TABLE', 'begin; lock table item'],
    ['BEGIN SERIALIZABLE', 'begin isolation level serializable'],
    ['BEGIN READ WRITE', 'begin read write'],
    ['an unlogged table', 'select * from scratch'],
    ['pg_current_wal_lsn', 'select pg_current_wal_lsn()'],
    ['pg_logical_emit_message', "select pg_logical_emit_message(false, 'a', 'b')"],
    ['DDL', 'create index on item (qty)'],
    ['an advisory lock', 'select pg_advisory_xact_lock(1)'],
    ['EXPLAIN ANALYZE of a write', `explain analyze ${INSERT}`],
  ]
  test.each(statements)('%s', async (_title, sql) => {
    await using open = openPool(database, 'iad', { max: 1 })
    const scope = openScope(database, 'iad')
    const error = await inRequest(scope, () => failure(open.pool.query(sql)))
    expect(error).toBeInstanceOf(ReplayRequired)
    expect(error).toMatchObject({ region: 'ewr', replayable: true })
    expect(scope.state).toBe('replaying')
    await settled(open.pool)
    expect((await open.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('with the error of the driver as its cause', async () => {
    await using open = openPool(database, 'iad')
    const error = await failure(open.pool.query(INSERT))
    expect(error.cause).toBeInstanceOf(pg.DatabaseError)
    expect(error.cause).toMatchObject({ code: '25006', routine: 'PreventCommandIfReadOnly' })
  })

  test('rule 19: with nothing of the statement, its parameters or the credentials in it', async () => {
    await using open = openPool(database, 'iad')
    const error = await failure(
      open.pool.query('insert into item (name) values ($1) /* sEcReT-sql */', ['sEcReT-param']),
    )
    const shown = `${error.message} ${error.stack} ${JSON.stringify(error)}`
    expect(shown).not.toMatch(/sEcReT|insert|postgres:/i)
  })
})

test('rule 19: printing a pool, in any role, shows no credential that Flyback read from the environment', async () => {
  for (const env of [
    database.env('iad'),
    database.env('ewr'),
    { DATABASE_URL: database.url('iad', 'writer') },
  ]) {
    const pool = new FlybackPool({ flyback: { env } })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const shown = [pool, pool.primary]
      .map((each) => inspect(each, { depth: 8 }) + JSON.stringify(each.options))
      .join()
    expect(shown).not.toContain(new URL(database.url('iad', 'writer')).password)
    await pool.end()
  }
})

describe('what is not a refusal keeps the error of the driver', () => {
  test.each([
    ['a syntax error', 'selec 1', '42601'],
    ['a missing table', 'select * from nowhere', '42P01'],
    ['division by zero', 'select 1/0', '22012'],
    ['currval before nextval', "select currval('item_id_seq')", '55000'],
  ])('%s', async (_title, sql, code) => {
    await using open = openPool(database, 'iad')
    const error = await failure(open.pool.query(sql))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code })
  })

  test('a constraint error on the primary is not replayed', async () => {
    await using open = openPool(database, 'ewr')
    const scope = openScope(database, 'ewr')
    const error = await inRequest(scope, () =>
      failure(open.pool.query("insert into item (name) values ('n1')")),
    )
    expect(error).toMatchObject({ code: '23505' })
    expect(scope.refusal).toBeUndefined()
  })

  test('rule 4: a write in a READ ONLY transaction on the primary is the caller own error', async () => {
    await using open = openPool(database, 'ewr')
    const client = await open.pool.connect()
    await client.query('begin read only')
    const error = await failure(client.query(INSERT))
    expect(error).toMatchObject({ code: '25006' })
    expect(findReplayRequired(error)).toBeUndefined()
    await client.query('rollback')
    client.release()
  })
})

describe('every call form reports the refusal', () => {
  const region = 'iad'
  const isRefusal = (error: unknown): void => {
    expect(error).toBeInstanceOf(ReplayRequired)
  }
  const forms: [title: string, run: (pool: Pool) => Promise<unknown>][] = [
    ['pool.query, promise', (pool) => pool.query(INSERT)],
    ['pool.query, parameters', (pool) => pool.query('insert into item (name) values ($1)', ['x'])],
    ['pool.query, named', (pool) => pool.query({ name: 'w', text: INSERT })],
    ['pool.query, rowMode array', (pool) => pool.query({ rowMode: 'array', text: INSERT })],
    [
      'pool.query, callback',
      (pool) => new Promise((ok, no) => pool.query(INSERT, (e) => (e ? no(e) : ok(1)))),
    ],
    [
      'pool.query, values and callback',
      (pool) =>
        new Promise((ok, no) =>
          pool.query('insert into item (name) values ($1)', ['x'], (e) => (e ? no(e) : ok(1))),
        ),
    ],
    ['client.query, promise', (pool) => withClient(pool, (client) => client.query(INSERT))],
    [
      'client.query, callback',
      (pool) =>
        withClient(
          pool,
          (client) => new Promise((ok, no) => client.query(INSERT, (e) => (e ? no(e) : ok(1)))),
        ),
    ],
    [
      'pool.connect, callback',
      (pool) =>
        new Promise((ok, no) =>
          pool.connect((error, client, release) => {
            if (error !== undefined || client === undefined) return no(error)
            client.query(INSERT, (e) => {
              release()
              if (e) no(e)
              else ok(1)
            })
          }),
        ),
    ],
    [
      'a Query object, error event',
      (pool) =>
        withClient(
          pool,
          (client) =>
            new Promise((ok, no) =>
              client.query(new pg.Query(INSERT)).on('error', no).on('end', ok),
            ),
        ),
    ],
    [
      'a Query object through the pool, callback',
      (pool) =>
        new Promise((ok, no) =>
          pool.query(new pg.Query(INSERT, (e: unknown) => (e ? no(e) : ok(1)))),
        ),
    ],
    [
      'a cursor',
      (pool) =>
        withClient(pool, (client) => client.query(new Cursor(`${INSERT} returning id`)).read(1)),
    ],
    [
      'a query stream',
      (pool) =>
        withClient(pool, async (client) => {
          for await (const _row of client.query(new QueryStream(`${INSERT} returning id`)));
        }),
    ],
    [
      'COPY FROM STDIN',
      (pool) =>
        withClient(pool, (client) =>
          pipeline(
            Readable.from(['a\t1\n']),
            client.query(copyFrom('copy item (name, qty) from stdin')),
          ),
        ),
    ],
    [
      'COPY of a write TO STDOUT',
      (pool) =>
        withClient(pool, async (client) => {
          for await (const _chunk of client.query(
            copyTo(`copy (${INSERT} returning id) to stdout`),
          ));
        }),
    ],
  ]
  test.each(forms)('%s', async (_title, run) => {
    await using open = openPool(database, region, { max: 1 })
    const scope = openScope(database, region)
    isRefusal(await inRequest(scope, () => failure(run(open.pool))))
    expect(scope.state).toBe('replaying')
    await settled(open.pool)
    expect(open.pool.totalCount).toBe(open.pool.idleCount)
  })

  test('rows delivered before a refusal stay delivered, and the refusal is reported', async () => {
    await using open = openPool(database, region)
    await withClient(open.pool, async (client) => {
      const sql = 'select g, case when g = 3 then write_item() end from generate_series(1, 5) g'
      const stream = client.query(new QueryStream(sql, [], { batchSize: 1, highWaterMark: 1 }))
      const rows: unknown[] = []
      const error = await failure(
        (async () => {
          for await (const row of stream) rows.push(row)
        })(),
      )
      isRefusal(error)
      expect(rows).toHaveLength(2)
    })
  })
})

describe('rule 9: what costs nothing', () => {
  test('a burst of refused pool.query writes opens no new connection', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    await open.pool.query('select 1')
    for (let i = 0; i < 20; i++) await failure(open.pool.query(INSERT))
    await Promise.all(Array.from({ length: 20 }, () => failure(open.pool.query(INSERT))))
    expect(open.opened()).toBe(1)
  })

  test('nor does one by callbacks, each sent from the callback of the one before', async () => {
    await using open = openPool(database, 'iad')
    const pool = open.pool
    await new Promise<void>((resolve) => {
      let left = 10
      const next = (): void => {
        if (left-- === 0) resolve()
        else pool.query(INSERT, () => next())
      }
      next()
    })
    expect(open.opened()).toBe(1)
  })

  test('refused transactions give their connection back idle', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    for (let i = 0; i < 5; i++) {
      await inRequest(openScope(database, 'iad'), async () => {
        const client = await open.pool.connect()
        try {
          await client.query('begin')
          await failure(client.query(INSERT))
          await failure(client.query('rollback'))
        } finally {
          client.release()
        }
      })
      expect((await open.pool.query('select 1')).rowCount).toBe(1)
    }
    expect(open.opened()).toBe(1)
  })

  test('reads add no message: what goes over the wire is what bare pg sends', async () => {
    const work = async (pool: pg.Pool): Promise<void> => {
      for (let i = 0; i < 5; i++) await pool.query('select 1')
      await pool.query('select $1::int', [1])
      const client = await pool.connect()
      await client.query('begin read only')
      await client.query('select 1')
      await client.query('commit')
      client.release()
    }
    const sent: string[][] = []
    for (const make of [
      (connectionString: string) => new pg.Pool({ connectionString, max: 1 }),
      (replicaUrl: string) =>
        new FlybackPool({ max: 1, flyback: { env: database.env('iad'), replicaUrl } }),
    ]) {
      await using wire = await tapWire(new URL(database.url('iad', 'replica')))
      const pool = make(wire.url)
      await inRequest(openScope(database, 'iad'), () => work(pool))
      await pool.end()
      sent.push(wire.messages)
    }
    const [bare, ours] = sent
    expect(bare?.filter((type) => type === 'Q')).toHaveLength(8)
    expect(ours).toEqual(bare)
  })
})

describe('a transaction', () => {
  test('with a write after reads throws at the write, and at everything after it', async () => {
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, () =>
      withClient(open.pool, async (client) => {
        await client.query('begin')
        await client.query('select * from item')
        const first = await failure(client.query(INSERT))
        for (const sql of ['select 1', 'commit', 'rollback'])
          expect(await failure(client.query(sql))).toBe(first)
      }),
    )
  })

  test('without a scope: 25P02 reports the first refusal, and ROLLBACK works', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    await withClient(open.pool, async (client) => {
      await client.query('begin')
      const first = await failure(client.query(INSERT))
      expect(await failure(client.query('select 1'))).toBe(first)
      expect((await client.query('rollback')).command).toBe('ROLLBACK')
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    })
    expect(open.opened()).toBe(1)
  })

  test.each(['commit and chain', 'commit; begin', '; commit'])(
    'whose refusal was swallowed rejects its COMMIT: %s',
    async (commit) => {
      await using open = openPool(database, 'iad')
      await withClient(open.pool, async (client) => {
        await client.query('begin')
        await client.query(INSERT).catch(() => {})
        expect(await failure(client.query(commit))).toBeInstanceOf(ReplayRequired)
        await client.query('rollback')
      })
    },
  )

  test('that began on the replica keeps the error of its code when the scope forwards inside it', async () => {
    await using open = openPool(database, 'iad')
    await inRequest(openScope(database, 'iad', false), () =>
      withClient(open.pool, async (client) => {
        await client.query('begin')
        await client.query('savepoint s')
        await client.query('select 1')
        await open.pool.primary.query('select 1')
        expect((await client.query('release savepoint s')).command).toBe('RELEASE')
        expect(await failure(client.query('commit; select 1'))).toMatchObject({
          reason: 'mixed-reads',
        })
        expect((await client.query('rollback')).command).toBe('ROLLBACK')
      }),
    )
  })

  test.each([
    ['promise', (client: pg.PoolClient) => client.query('COMMIT')],
    [
      'callback',
      (client: pg.PoolClient) =>
        new Promise((ok, no) => client.query('end', (e) => (e ? no(e) : ok(1)))),
    ],
    [
      'Query object',
      (client: pg.PoolClient) =>
        new Promise((ok, no) =>
          client.query(new pg.Query('/* x */ commit', (e: unknown) => (e ? no(e) : ok(1)))),
        ),
    ],
  ])('whose refusal was swallowed rejects its COMMIT (%s)', async (_form, commit) => {
    await using open = openPool(database, 'iad')
    await withClient(open.pool, async (client) => {
      await client.query('begin')
      await client.query(INSERT).catch(() => {})
      expect(await failure(commit(client))).toBeInstanceOf(ReplayRequired)
      expect((await client.query('select 1')).rowCount).toBe(1)
    })
  })

  test('that swallowed some other error commits as pg does', async () => {
    await using open = openPool(database, 'iad')
    await withClient(open.pool, async (client) => {
      await client.query('begin')
      await client.query('select 1/0').catch(() => {})
      expect((await client.query('commit')).command).toBe('ROLLBACK')
    })
  })

  test('that only reads runs and commits on the replica', async () => {
    await using open = openPool(database, 'iad')
    await withClient(open.pool, async (client) => {
      await client.query('begin isolation level repeatable read read only')
      expect((await client.query(WHO)).rows[0]).toMatchObject({ standby: true })
      expect((await client.query('commit')).command).toBe('COMMIT')
    })
  })

  test('that fails to BEGIN leaks no client', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    for (let i = 0; i < 3; i++) {
      await failure(
        withClient(open.pool, (client) => client.query('begin isolation level serializable')),
      )
    }
    await settled(open.pool)
    expect(open.pool.idleCount).toBe(1)
    expect(open.opened()).toBe(1)
  })
})

describe('advisory locks', () => {
  test('are refused before they are sent: no connection is needed', async () => {
    await using open = openPool(database, 'iad')
    const error = await failure(open.pool.query('select pg_try_advisory_lock(7)'))
    expect(error).toMatchObject({ reason: 'known-write' })
    expect(open.opened()).toBe(0)
  })

  test('are refused on a checked-out client too, and the client still reads', async () => {
    await using open = openPool(database, 'iad')
    await withClient(open.pool, async (client) => {
      expect(await failure(client.query('select pg_advisory_lock(7)'))).toMatchObject({
        reason: 'known-write',
      })
      expect((await client.query('select 1')).rowCount).toBe(1)
    })
  })

  test('are sent when allowed', async () => {
    await using open = openPool(database, 'iad', { flyback: { advisoryLocks: 'allow' } })
    const { rows } = await open.pool.query('select pg_try_advisory_xact_lock(7) as locked')
    expect(rows).toEqual([{ locked: true }])
  })

  test('work in the primary region', async () => {
    await using open = openPool(database, 'ewr')
    expect((await open.pool.query('select pg_try_advisory_xact_lock(7) as locked')).rows).toEqual([
      { locked: true },
    ])
  })
})

describe('the writer endpoint from a replica region', () => {
  test('pool.primary writes, makes the scope forwarding, and its reads see the write', async () => {
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      await open.pool.primary.query("insert into item (name) values ('forwarded')")
      const { rows } = await open.pool.query("select name from item where name = 'forwarded'")
      expect(rows).toEqual([{ name: 'forwarded' }])
    })
    expect(scope.state).toBe('forwarding')
    expect(await count("name = 'forwarded'")).toBe(1)
  })

  test('rule 12: after the first statement on the writer every read goes there, through every form', async () => {
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      await runOnPrimary(() => open.pool.query('select 1'))
      expect((await open.pool.query(WHO)).rows[0]).toMatchObject({ standby: false })
      await withClient(open.pool, async (client) => {
        expect((await client.query(WHO)).rows[0]).toMatchObject({ standby: false })
      })
    })
    expect((await open.pool.query(WHO)).rows[0]).toMatchObject({ standby: true })
  })

  test('rule 12: two pools over one cluster share it', async () => {
    await using first = openPool(database, 'iad')
    await using second = openPool(database, 'iad')
    await inRequest(openScope(database, 'iad'), async () => {
      await first.pool.primary.query('select 1')
      expect((await second.pool.query(WHO)).rows[0]).toMatchObject({ standby: false })
    })
  })

  test('rule 12: a checkout of the replica made before reads no more once the scope forwards', async () => {
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, () =>
      withClient(open.pool, async (client) => {
        await runOnPrimary(() => open.pool.query('select 1'), { afterReplicaReads: 'forward' })
        expect(await failure(client.query('select 1'))).toMatchObject({
          reason: 'mixed-reads',
          replayable: false,
        })
      }),
    )
  })

  test('rule 12: a call still waiting for a replica connection when its scope begins to forward uses the writer', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      const held = await open.pool.connect()
      const waiting = open.pool.query("insert into item (name) values ('waited') returning name")
      await runOnPrimary(() => open.pool.query('select 1'), { afterReplicaReads: 'forward' })
      held.release()
      expect((await waiting).rows).toEqual([{ name: 'waited' }])
    })
    expect(await count("name = 'waited'")).toBe(1)
  })

  test('a refusal in flight when its scope begins to forward runs on the writer, once', async () => {
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    const before = await count("name like 'f0.%'")
    await inRequest(scope, async () => {
      const inFlight = open.pool.query('select pg_sleep(0.2), write_item()')
      await sleep(100) // it is on the replica now, and not refused yet
      await runOnPrimary(() => open.pool.query('select 1'), { afterReplicaReads: 'forward' })
      expect((await inFlight).rowCount).toBe(1)
    })
    expect(scope.state).toBe('forwarding')
    expect(await count("name like 'f0.%'")).toBe(before + 1)
  })

  test('a client checked out before the request belongs to the request that uses it', async () => {
    await using open = openPool(database, 'iad')
    const client = await open.pool.connect()
    const scope = openScope(database, 'iad')
    const refusal = await inRequest(scope, () => failure(client.query(INSERT)))
    expect(scope.refusal).toBe(refusal)
    client.release()
  })

  test('rule 15: a client whose caller lost its context still belongs to the request it was checked out in', async () => {
    const { runOutsideScope } = await import('@flyback/core/scope')
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      const client = await open.pool.connect()
      const refusal = await runOutsideScope(() => failure(client.query(INSERT)))
      expect(scope.refusal).toBe(refusal)
      client.release()
    })
  })

  test('rule 12: nor does a transaction that was open on it; its COMMIT is sent, and its client is not lost', async () => {
    await using open = openPool(database, 'iad', { max: 1 })
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      await withClient(open.pool, async (client) => {
        await client.query('begin')
        await client.query('select 1')
        await runOnPrimary(() => open.pool.query('select 1'), { afterReplicaReads: 'forward' })
        expect((await client.query('commit')).command).toBe('COMMIT')
      })
    })
    await inRequest(openScope(database, 'iad'), () =>
      withClient(open.pool, async (client) => {
        await client.query('begin')
        await runOnPrimary(() => open.pool.query('select 1'), { afterReplicaReads: 'forward' })
        for (const sql of ['select 1', INSERT]) {
          const error = await failure(client.query(sql))
          expect(error).toMatchObject({ reason: 'mixed-reads', replayable: false })
        }
      }),
    )
    await settled(open.pool)
    const { rows } = await open.pool.query(
      'select pg_current_xact_id_if_assigned(), now() = statement_timestamp() as fresh',
    )
    expect(rows[0]).toMatchObject({ fresh: true })
    expect(open.opened(), 'one on the replica, one on the writer').toBe(2)
  })

  test('pool.primary after reads of the replica throws ReplayRequired(mixed-reads) and sends nothing', async () => {
    await using open = openPool(database, 'iad')
    await inRequest(openScope(database, 'iad'), async () => {
      await open.pool.query('select 1')
      const error = await failure(
        open.pool.primary.query("insert into item (name) values ('mixed')"),
      )
      expect(error).toMatchObject({ reason: 'mixed-reads', replayable: true })
    })
    expect(await count("name = 'mixed'")).toBe(0)
  })
})

test('rule 1: what a pool wrote when its locator had learned of a failover is not replayed', async () => {
  let primary = 'ewr'
  const locator = { locate: () => primary }
  await using open = openPool(database, 'iad', { flyback: { locator } })
  const scope = openScope(database, 'iad')
  await inRequest(scope, () =>
    withClient(open.pool, async (client) => {
      await client.query('begin')
      await client.query('select 1')
      primary = 'iad'
      await open.pool.query("insert into item (name) values ('located')")
      expect(await failure(client.query(INSERT))).toMatchObject({ replayable: false })
    }),
  )
  expect(scope.state).toBe('forwarding')
  expect(await count("name = 'located'")).toBe(1)
})

describe('rule 1: Promise.all of a forward and a refused write', () => {
  test.each(['forward first', 'refused first'] as const)('%s: each effect once', async (order) => {
    await using open = openPool(database, 'iad')
    await using atPrimary = openPool(database, 'ewr')
    const tag = order.replace(' ', '-')
    const request = async (pool: Pool, scope: ReturnType<typeof openScope>): Promise<unknown> =>
      inRequest(scope, async () => {
        const forward = () =>
          runOnPrimary(() => pool.query('insert into item (name) values ($1)', [`${tag}-a`]))
        const refused = () => pool.query('insert into item (name) values ($1)', [`${tag}-b`])
        const work = order === 'forward first' ? [forward(), refused()] : [refused(), forward()]
        const settledAll = await Promise.allSettled(work)
        const failed = settledAll.find((outcome) => outcome.status === 'rejected')
        if (failed?.status === 'rejected') throw failed.reason
        return 'done'
      })
    const scope = openScope(database, 'iad')
    const error = await request(open.pool, scope).then(
      () => undefined,
      (reason: unknown) => findReplayRequired(reason),
    )
    // What the middleware would do: run the request again in the primary region, when it may be replayed.
    if (error?.replayable === true) await request(atPrimary.pool, openScope(database, 'ewr'))
    expect(scope.state).toBe(order === 'forward first' ? 'forwarding' : 'replaying')
    expect(await count(`name = '${tag}-a'`)).toBe(1)
    expect(await count(`name = '${tag}-b'`)).toBe(1)
  })
})

describe('rule 16: a handler that forgets to release', () => {
  test('gets its checkouts reclaimed when the request ends in a replay, and the pool still serves', async () => {
    await using open = openPool(database, 'iad', { max: 2 })
    for (let i = 0; i < 10; i++) {
      const scope = openScope(database, 'iad')
      const client = await inRequest(scope, async () => {
        const checkout = await open.pool.connect()
        await failure(checkout.query(INSERT))
        return checkout
      })
      await expect(client.query('select 1')).rejects.toBe(scope.refusal)
      client.release()
      client.release()
    }
    expect((await open.pool.query('select 1')).rowCount).toBe(1)
  })

  test('rule 22: a statement in flight on it, awaited by nobody, ends well before the connection does', async () => {
    await using open = openPool(database, 'iad', { max: 2 })
    const outcome = await inRequest(openScope(database, 'iad'), async () => {
      const client = await open.pool.connect()
      const running = client.query('select pg_sleep(0.2)').then(() => 'answered', String)
      await failure(open.pool.query(INSERT))
      return { running }
    })
    expect(await outcome.running).toBe('answered')
    await settled(open.pool)
    expect(open.pool.totalCount).toBe(open.pool.idleCount)
  })

  test('keeps its checkouts when the request does not end in a replay', async () => {
    await using open = openPool(database, 'iad', { max: 2 })
    const client = await inRequest(openScope(database, 'iad'), () => open.pool.connect())
    expect((await client.query('select 1')).rowCount).toBe(1)
    client.release()
    expect(() => client.release()).toThrow(/already been released/)
  })
})

test('rule 23: a pool that ended leaves no client, timer, socket or session behind', async () => {
  const tag = `rule23-${process.pid}`
  const sessions = async (region: string): Promise<number> => {
    const sql = 'select count(*)::int as n from pg_stat_activity where application_name = $1'
    const [row] = await database.query<{ n: number }>(region, 'replica', sql, [tag])
    return row?.n ?? -1
  }
  const open = (kind: string): number =>
    process.getActiveResourcesInfo().filter((name) => name === kind).length
  await expect.poll(() => open('TCPSocketWrap')).toBe(0)
  const timers = open('Timeout')
  const { pool } = openPool(database, 'iad', { application_name: tag, max: 3 })
  await Promise.all([
    pool.query('select 1'),
    failure(pool.query(INSERT)),
    pool.primary.query('select 1'),
  ])
  const scope = openScope(database, 'iad')
  await inRequest(scope, async () => {
    const forgotten = await pool.connect()
    await failure(forgotten.query(INSERT))
  })
  expect(await sessions('iad')).toBeGreaterThan(0)
  expect(await sessions('ewr')).toBeGreaterThan(0)
  await pool.end()
  await expect.poll(() => sessions('iad')).toBe(0)
  await expect.poll(() => sessions('ewr')).toBe(0)
  expect(open('TCPSocketWrap')).toBe(0)
  expect(open('Timeout')).toBeLessThanOrEqual(timers)
})

describe('rule 15: callbacks', () => {
  test('run in the context of their caller, not of the socket', async () => {
    const { currentScope } = await import('@flyback/core/scope')
    await using open = openPool(database, 'iad', { max: 1 })
    await open.pool.query('select 1')
    const seen = await Promise.all(
      Array.from({ length: 20 }, () => {
        const scope = openScope(database, 'iad')
        return inRequest(
          scope,
          () =>
            new Promise<boolean>((resolve) => {
              open.pool.connect((_error, client, release) => {
                client?.query('select 1', () => {
                  release()
                  open.pool.query('select 1', () => resolve(currentScope() === scope))
                })
              })
            }),
        )
      }),
    )
    expect(seen).toEqual(Array(20).fill(true))
  })

  test('of events on a Query object do too', async () => {
    const { currentScope } = await import('@flyback/core/scope')
    await using open = openPool(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, () =>
      withClient(open.pool, async (client) => {
        const query = client.query(new pg.Query('select 1 as one'))
        const scopes = await new Promise((resolve) => {
          const heard: unknown[] = []
          query.on('row', () => heard.push(currentScope()))
          query.on('end', () => resolve([...heard, currentScope()]))
        })
        expect(scopes).toEqual([scope, scope])
      }),
    )
  })

  test("a listener on the pool's connect event belongs to no scope", async () => {
    const { currentScope } = await import('@flyback/core/scope')
    await using open = openPool(database, 'iad')
    const scopes: unknown[] = []
    open.pool.on('connect', () => scopes.push(currentScope()))
    await inRequest(openScope(database, 'iad'), () => open.pool.query('select 1'))
    expect(scopes).toEqual([undefined])
  })
})

async function withClient<T>(pool: Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

async function count(where: string): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'ewr',
    'writer',
    `select count(*)::int as n from item where ${where}`,
  )
  return row?.n ?? -1
}

test('rule 15: a listener for checkouts runs in no scope, not in the one that gave the client back', async () => {
  await using open = openPool(database, 'iad', { max: 1 })
  const { pool } = open
  const answers: Promise<unknown>[] = []
  pool.on('acquire', (client) => {
    answers.push(client.query("set application_name = 'tenant'").then(() => 'set', String))
  })
  let next: Promise<unknown> | undefined
  await inRequest(openScope(database, 'iad'), async () => {
    const client = await pool.connect()
    next = inRequest(openScope(database, 'iad'), () => pool.query('select 1'))
    await failure(client.query(INSERT))
    client.release()
  })
  await next
  expect(await Promise.all(answers)).toEqual(['set', 'set'])
})

test('rule 23: a pool that ended opens no pool to the writer', async () => {
  const pool = new FlybackPool({ flyback: { env: database.env('iad') } })
  await pool.query('select 1')
  await pool.end()
  const scope = openScope(database, 'iad')
  const forwarded = inRequest(scope, () => runOnPrimary(() => pool.query('select 1')))
  expect((await failure(forwarded)).message).toMatch(/after calling end/)
  expect((await failure(pool.primary.query('select 1'))).message).toMatch(/after calling end/)
})

test('rule 23: a cursor left open behind a refusal is cut, and the pool can end', async () => {
  const pool = new FlybackPool({ max: 1, flyback: { env: database.env('iad') } })
  const client = await pool.connect()
  const refused = failure(client.query(INSERT))
  const cursor = client.query(new Cursor('select generate_series(1, 100)'))
  await refused
  await cursor.read(1)
  client.release()
  await pool.end()
  expect(pool.totalCount).toBe(0)
})

test('an error after the way back to a savepoint is not taken for the refusal before it', async () => {
  await using open = openPool(database, 'iad', { max: 1 })
  const client = await open.pool.connect()
  await client.query('begin; savepoint a')
  expect(await failure(client.query(INSERT))).toBeInstanceOf(ReplayRequired)
  await client.query('rollback to a')
  await failure(client.query('select 1 / 0'))
  expect(await failure(client.query('select 1'))).toMatchObject({ code: '25P02' })
  expect((await client.query('commit')).command).toBe('ROLLBACK')
  client.release()
})

test('a COMMIT with more behind it, answered with ROLLBACK, reports the refusal', async () => {
  await using open = openPool(database, 'iad', { max: 1 })
  const client = await open.pool.connect()
  await client.query('begin')
  await failure(client.query(INSERT))
  expect(await failure(client.query('commit; select 1'))).toBeInstanceOf(ReplayRequired)
  client.release()
})

test.each(['ewr', 'iad'])('in %s a config may have getters over private fields', async (region) => {
  class Statement {
    readonly #text = 'select $1::int as one'
    get text(): string {
      return this.#text
    }
    get values(): number[] {
      return [1]
    }
  }
  await using open = openPool(database, region, { max: 1 })
  expect((await open.pool.query(new Statement())).rows).toEqual([{ one: 1 }])
})
