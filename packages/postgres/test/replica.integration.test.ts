import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { hasRouting, isReplayRequired, originOf, routingOf } from '@flyback/core'
import { currentScope, runInScope, runOutsideScope } from '@flyback/core/scope'
import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import type driver from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  findReplayRequired,
  type Options,
  ReplayRequired,
  runOnPrimary,
  type Sql,
} from '../src/index.js'
import { failure, inRequest, opener, openScope, SCHEMA, sqlFile } from './support.js'
import { VERSIONS } from './versions.js'

const lab = sharedLab()
let database: TestDatabase
beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const PID = 'select pg_backend_pid() as pid'
const INSERT = "insert into item (name) values ('x')"

const count = async (condition: string): Promise<unknown> =>
  (
    await database.query('ewr', 'writer', `select count(*)::int as n from item where ${condition}`)
  )[0]?.['n']

describe.each(VERSIONS)('postgres.js %s', (version, bare, postgres) => {
  const open = opener(postgres)
  const pid = async (sql: driver.Sql): Promise<unknown> => (await sql.unsafe(PID))[0]?.['pid']
  const standby = async (sql: driver.ISql): Promise<unknown> =>
    (await sql`select pg_is_in_recovery() as standby`)[0]?.['standby']

  describe('every form of a query reports the refusal, and its connection is kept', () => {
    const forms: [title: string, run: (sql: Sql) => PromiseLike<unknown>][] = [
      ['a template', (sql) => sql`insert into item (name) values ('x')`],
      [
        'a template with parameters',
        (sql) => sql`insert into item ${sql({ name: 'x' })} returning id`,
      ],
      ['a fragment that writes', (sql) => sql`${sql`insert into item (name)`} values ('x')`],
      ['unsafe', (sql) => sql.unsafe(INSERT)],
      ['unsafe with parameters', (sql) => sql.unsafe('insert into item (name) values ($1)', ['x'])],
      [
        'unsafe, prepared',
        (sql) => sql.unsafe('insert into item (name) values ($1)', ['x'], { prepare: true }),
      ],
      ['unsafe with several statements', (sql) => sql.unsafe(`select 1; ${INSERT}`)],
      ['simple', (sql) => sql`insert into item (name) values ('x')`.simple()],
      ['values', (sql) => sql`select write_item()`.values()],
      ['raw', (sql) => sql`select write_item()`.raw()],
      ['execute', (sql) => sql`select write_item()`.execute()],
      ['forEach', (sql) => sql`select write_item()`.forEach(() => {})],
      ['a cursor with a callback', (sql) => sql`select write_item()`.cursor(1, () => {})],
      [
        'a cursor as an iterator',
        async (sql) => {
          for await (const rows of sql`select write_item()`.cursor()) void rows
        },
      ],
      [
        'a file',
        async (sql) => {
          await using file = await sqlFile(INSERT)
          return await sql.file(file.path)
        },
      ],
      ['COPY from stdin', async (sql) => await sql`copy item (name) from stdin`.writable()],
      [
        'COPY of a write to stdout',
        async (sql) =>
          await text(await sql.unsafe(`copy (${INSERT} returning id) to stdout`).readable()),
      ],
      ['begin', (sql) => sql.begin((tx) => tx.unsafe(INSERT))],
      [
        'begin with an array',
        (sql) => sql.begin((tx) => [tx`select 1`, tx.unsafe(INSERT), tx`select 2`]),
      ],
      ['begin read write', (sql) => sql.begin('read write', (tx) => tx`select 1`)],
      [
        'begin serializable',
        (sql) => sql.begin('isolation level serializable', (tx) => tx`select 1`),
      ],
      [
        'begin, swallowed',
        (sql) => sql.begin((tx) => tx.unsafe(INSERT).then(String, () => 'swallowed')),
      ],
      ['a savepoint', (sql) => sql.begin((tx) => tx.savepoint((inner) => inner.unsafe(INSERT)))],
      [
        'a reserved connection',
        async (sql) => {
          const reserved = await sql.reserve()
          try {
            return await reserved.unsafe(INSERT)
          } finally {
            reserved.release()
          }
        },
      ],
      [
        'a transaction of one’s own on a reserved connection, whose COMMIT is answered with ROLLBACK',
        async (sql) => {
          const reserved = await sql.reserve()
          try {
            await reserved`begin`
            await reserved.unsafe(INSERT).catch(() => {})
            return await reserved`commit`
          } finally {
            reserved.release()
          }
        },
      ],
    ]
    describe.each([true, false])('in a scope: %s', (inScope) => {
      test.each(forms)('%s', async (_title, run) => {
        await using opened = open(database, 'iad', { max: 1 })
        const { sql } = opened
        const before = await pid(sql)
        const scope = openScope(database, 'iad')
        const error = inScope
          ? await inRequest(scope, () => failure(run(sql)))
          : await failure(run(sql))
        expect(error).toBeInstanceOf(ReplayRequired)
        expect(error).toMatchObject({ region: 'ewr' })
        expect(scope.state).toBe(inScope ? 'replaying' : 'open')
        expect(await pid(sql)).toBe(before)
        const times = [await sql`select now()::text as t`, await sql`select now()::text as t`]
        expect(times[0], 'no transaction was left open').not.toEqual(times[1])
      })
    })

    test('describe of an INSERT is answered by the replica', async () => {
      await using opened = open(database, 'iad')
      const { types } = await opened.sql`insert into item (name) values (${'x'})`.describe()
      expect(types).toEqual([25])
    })

    test('the error of the driver is its cause, and knows its connection', async () => {
      await using opened = open(database, 'iad')
      const error = await failure(opened.sql.unsafe(INSERT))
      expect(error.cause).toBeInstanceOf(bare.PostgresError)
      expect(error.cause).toMatchObject({ code: '25006', routine: 'PreventCommandIfReadOnly' })
      expect(originOf(error)?.link.endpoint).toBe('replica')
      const other = await failure(opened.sql`select 1 / 0`)
      expect(other).toMatchObject({ code: '22012' })
      expect(originOf(other)?.facts.inHotStandby).toBe(true)
    })

    test('rows delivered before a refusal stay delivered, and nothing runs twice', async () => {
      await using opened = open(database, 'iad')
      const seen: unknown[] = []
      const query = opened.sql`select g, case when g = 3 then write_item() end from generate_series(1, 5) g`
      const reading = (async () => {
        for await (const [row] of query.cursor(1)) seen.push(row?.['g'])
      })()
      expect(await failure(reading)).toBeInstanceOf(ReplayRequired)
      expect(seen).toEqual([1, 2])
    })

    test('a refusal in the middle of a COPY to stdout is the error of its stream', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const sql =
        'copy (select g, case when g = 20000 then write_item() end from generate_series(1, 20000) g) to stdout'
      const stream = await opened.sql.unsafe(sql).readable()
      expect(await failure(text(stream))).toBeInstanceOf(ReplayRequired)
      expect(await standby(opened.sql)).toBe(true)
    })
  })

  describe('a query is lazy', () => {
    test('nothing is sent, and no connection opened, before it is awaited', async () => {
      await using wire = await tapWire(new URL(database.url('iad', 'replica')))
      await using opened = open(database, 'iad', { flyback: { replicaUrl: wire.url } })
      const scope = openScope(database, 'iad')
      const query = runInScope(scope, () => opened.sql.unsafe(INSERT))
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      expect(wire.messages).toEqual([])
      expect(scope.state).toBe('open')
      await runInScope(scope, () => failure(query))
      expect(scope.state).toBe('replaying')
    })

    test('rule 15: it belongs to the request that runs it, and so do its fragments', async () => {
      await using opened = open(database, 'iad')
      const { sql } = opened
      const [made, ran] = [openScope(database, 'iad'), openScope(database, 'iad')]
      const [fragment, query] = runInScope(
        made,
        () => [sql`insert into item (name)`, sql.unsafe(INSERT)] as const,
      )
      await runInScope(ran, () => failure(sql`${fragment} values ('x')`))
      expect([made.state, ran.state]).toEqual(['open', 'replaying'])
      const again = openScope(database, 'iad')
      await runInScope(again, () => failure(query))
      expect([made.state, again.state]).toEqual(['open', 'replaying'])
    })

    test('rule 15: or to the one that made it, when its runner lost its context', async () => {
      await using opened = open(database, 'iad')
      const scope = openScope(database, 'iad')
      const query = runInScope(scope, () => opened.sql.unsafe(INSERT))
      const refusal = await runOutsideScope(() => failure(query))
      expect(scope.refusal).toBe(refusal)
    })
  })

  test('rule 15: callbacks run in the context of their request, not of the socket', async () => {
    await using opened = open(database, 'iad', { max: 1 })
    const { sql } = opened
    const seen: unknown[] = []
    const look = (): void => {
      seen.push(currentScope())
    }
    const scopes = [1, 2, 3].map(() => openScope(database, 'iad'))
    for (const scope of scopes) {
      await inRequest(scope, async () => {
        await sql`select 1`.forEach(look)
        await sql`select 1`.cursor(1, look)
        await sql.begin(async (tx) => {
          await tx`select 1`.forEach(look)
          look()
        })
      })
      expect(new Set(seen.splice(0))).toEqual(new Set([scope]))
    }
  })

  test('rule 15: what the user is told of a connection is told outside any scope', async () => {
    const seen: unknown[] = []
    const look = (): void => {
      seen.push(currentScope())
    }
    const opened = open(database, 'iad', {
      onparameter: look,
      onnotice: look,
      onclose: look,
      debug: look,
    })
    await inRequest(openScope(database, 'iad'), async () => {
      await opened.sql.unsafe("do $$ begin raise notice 'x'; end $$")
    })
    await opened.sql.end()
    expect(seen.length).toBeGreaterThan(10)
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  test('rule 15: 50 requests at once, each with its own scope, over two connections', async () => {
    await using opened = open(database, 'iad', { max: 2 })
    const { sql } = opened
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const scope = openScope(database, 'iad')
        await inRequest(scope, async () => {
          const [row] = await sql`select ${i}::int as i`
          expect(row).toEqual({ i })
          if (i % 3 === 0)
            expect(await failure(sql`select write_item(), ${i}::int`)).toBe(scope.refusal)
          if (i % 3 === 1) {
            await sql.begin(async (tx) => {
              const [inside] = await tx`select ${i}::int as i`
              expect(inside).toEqual({ i })
            })
          }
        })
        expect(scope.state).toBe(i % 3 === 0 ? 'replaying' : 'open')
      }),
    )
  })

  describe('rule 9: what costs nothing', () => {
    test('reads add no message: what goes over the wire is what the bare driver sends', async () => {
      const work = async (sql: driver.Sql): Promise<void> => {
        for (let i = 0; i < 5; i++) await sql`select ${i}::int`
        await sql.unsafe('select 1')
        await sql.begin('read only', (tx) => tx`select 1`)
        const reserved = await sql.reserve()
        await reserved`select 1`
        reserved.release()
        await sql`select g from generate_series(1, 3) g`.cursor(2, () => {})
      }
      const sent: string[][] = []
      for (const make of [
        (url: string) => bare(url, { max: 1 }),
        (url: string) =>
          postgres({ max: 1, flyback: { env: database.env('iad'), replicaUrl: url } }),
      ]) {
        await using wire = await tapWire(new URL(database.url('iad', 'replica')))
        const sql = make(wire.url)
        await inRequest(openScope(database, 'iad'), () => work(sql))
        await sql.end()
        sent.push(wire.messages)
      }
      const [theirs, ours] = sent
      expect(theirs?.filter((type) => type === 'S').length).toBeGreaterThan(6)
      expect(ours).toEqual(theirs)
    })

    test('a burst of refused writes opens no connection', async () => {
      const ids = new Set<unknown>()
      await using opened = open(database, 'iad', { max: 2, debug: (id) => ids.add(id) })
      const { sql } = opened
      await Promise.all([sql`select 1`, sql`select 2`])
      for (let i = 0; i < 10; i++) await failure(sql.unsafe(INSERT))
      await Promise.all(
        Array.from({ length: 20 }, () => failure(sql.begin((tx) => tx.unsafe(INSERT)))),
      )
      await Promise.all(Array.from({ length: 20 }, () => failure(sql`select write_item()`)))
      expect(ids.size).toBe(2)
    })

    test('work known to lock needs no connection, also where a fragment says so', async () => {
      await using wire = await tapWire(new URL(database.url('iad', 'replica')))
      await using opened = open(database, 'iad', { flyback: { replicaUrl: wire.url } })
      const { sql } = opened
      for (const query of [
        sql`select pg_try_advisory_lock(${7})`,
        sql`select ${sql`pg_advisory_xact_lock(7)`}`,
        sql`select 1 ${[sql`where`, sql`pg_try_advisory_lock(7)`]}`,
      ]) {
        expect(await failure(query)).toMatchObject({ reason: 'known-write' })
      }
      expect(wire.messages).toEqual([])
      // A value is no text.
      expect(await sql`select ${'pg_advisory_lock'} as name`).toEqual([
        { name: 'pg_advisory_lock' },
      ])
    })

    test('more queries than connections share them, and a transaction is not overtaken for ever', async () => {
      const ids = new Set<unknown>()
      await using opened = open(database, 'iad', { max: 2, debug: (id) => ids.add(id) })
      const { sql } = opened
      const over = new AbortController()
      const busy = Array.from({ length: 8 }, async () => {
        while (!over.signal.aborted) await sql`select pg_sleep(0.005)`
      })
      await sql`select 1`
      expect(await sql.begin((tx) => tx`select 1 as one`)).toEqual([{ one: 1 }])
      over.abort()
      await Promise.all(busy)
      expect(ids.size).toBe(2)
    })
  })

  describe('one query does not harm another', () => {
    test('rule 15: a value that cannot be sent fails its own query, and no other in the pipeline', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      await sql`select 1`
      const good = (i: number) => sql`select ${i}::int as i, pg_sleep(0.01)::text as s`
      const bad = () => sql`select ${'mine'} || ${undefined as never}`
      const results = await Promise.allSettled([good(1), bad(), good(2), bad(), bad(), good(3)])
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
      ])
      for (const result of results) {
        if (result.status === 'rejected')
          expect(result.reason).toMatchObject({
            code: 'UNDEFINED_VALUE',
            args: ['mine', undefined],
          })
        else expect(result.value[0]?.['i']).toBeTypeOf('number')
      }
      expect(
        await failure(
          sql.begin((tx) => [tx`select 1`, tx`select ${undefined as never}`, tx`select 2`]),
        ),
      ).toMatchObject({ code: 'UNDEFINED_VALUE' })
      expect(await standby(sql)).toBe(true)
    })

    test('a text that leaves a transaction open is refused, and its connection not used again', async () => {
      await using opened = open(database, 'ewr', { max: 2 })
      const { sql } = opened
      const before = await pid(sql)
      for (const begun of [
        `begin; ${INSERT.replace('x', 'left-open')}`,
        'begin',
        'start transaction; select 1',
      ]) {
        expect(await failure(sql.unsafe(begun))).toMatchObject({ code: 'UNSAFE_TRANSACTION' })
      }
      const pids = await Promise.all([pid(sql), pid(sql)])
      expect(pids).not.toContain(before)
      expect(await count("name = 'left-open'")).toBe(0)
      await sql
        .unsafe(
          `begin; insert into item (name) values ('closed-${version}'); commit; begin; rollback`,
        )
        .catch(() => {})
      expect(await count(`name = 'closed-${version}'`)).toBe(1)
    })

    test.each([1, 2])(
      'a refused text that began a transaction leaves none behind, with max: %s',
      async (max) => {
        await using opened = open(database, 'iad', { max })
        const { sql } = opened
        for (const begun of ['begin; lock table item', 'begin; selec 1']) {
          await failure(sql.unsafe(begun)).then(async () => {
            // With one connection the driver leaves its own transaction open, and so do we: it is the user's.
            if (max === 1 && begun.includes('selec')) await sql`rollback`
          })
          expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
        }
      },
    )

    test('with one connection, a refused request leaves no transaction to the next', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      await inRequest(openScope(database, 'iad'), async () => {
        await sql`begin`
        expect(await failure(sql`select write_item()`)).toBeInstanceOf(ReplayRequired)
        expect(await failure(sql`rollback`)).toBeInstanceOf(ReplayRequired)
      })
      const times = [await sql`select now()::text as t`, await sql`select now()::text as t`]
      expect(times[0]).not.toEqual(times[1])
    })

    test('cancelling a query that waits behind another cancels that one alone', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      await sql`select 1`
      const first = sql`select 'first' as a, pg_sleep(0.3)::text as s`.execute()
      const second = sql`select 'second' as a, pg_sleep(20)::text as s`
      const third = sql`select 'third' as a`.execute()
      const ended = failure(second)
      await new Promise(setImmediate)
      second.cancel()
      expect((await first)[0]).toMatchObject({ a: 'first' })
      expect(await ended).toMatchObject({ code: '57014' })
      expect(await third).toEqual([{ a: 'third' }])
    })

    test('a query that waits for a connection can be cancelled', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      const reserved = await sql.reserve()
      const waiting = sql`select write_item()`
      const ended = failure(waiting)
      await new Promise(setImmediate)
      waiting.cancel()
      expect(await ended).toMatchObject({ code: '57014' })
      reserved.release()
      expect(await standby(sql)).toBe(true)
    })

    test('a query of a forwarding scope is cancelled on the primary', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      await runOnPrimary(async () => {
        await sql`select 1`
        const running = sql`select pg_sleep(20) as cancelled_there`
        const ended = failure(running)
        const sleeping =
          "select count(*)::int as n from pg_stat_activity where datname = current_database() and query like '%cancelled_there%' and pid <> pg_backend_pid() and state = 'active'"
        await expect.poll(() => database.query('ewr', 'writer', sleeping)).toEqual([{ n: 1 }])
        running.cancel()
        expect(await ended).toMatchObject({ code: '57014' })
      })
    })
  })

  describe('a transaction', () => {
    test('of a refused scope sends nothing more: its ROLLBACK is ours, and its connection is kept', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      const before = await pid(sql)
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        let last: unknown
        const error = await failure(
          sql.begin(async (tx) => {
            await tx`select 1`
            await failure(tx.unsafe(INSERT))
            last = await failure(tx`select 2`)
            throw new Error('mine')
          }),
        )
        expect([error, last]).toEqual([scope.refusal, scope.refusal])
        expect(await failure(sql`select 1`)).toBe(scope.refusal)
      })
      expect(await pid(sql)).toBe(before)
    })

    test('without a scope goes on after a savepoint that was refused', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const answer = await opened.sql.begin(async (tx) => {
        await tx.savepoint((inner) => inner.unsafe(INSERT)).catch(() => {})
        return await tx`select 1 as one`
      })
      expect(answer).toEqual([{ one: 1 }])
    })

    test('that only reads commits on the replica', async () => {
      await using opened = open(database, 'iad')
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        expect(await opened.sql.begin('read only', (tx) => standby(tx))).toBe(true)
      })
      expect(scope.state).toBe('open')
    })

    test('rule 12: reads no more once the scope forwards, and commits', async () => {
      await using opened = open(database, 'iad')
      const { sql } = opened
      await inRequest(openScope(database, 'iad'), async () => {
        const committed = await sql.begin(async (tx) => {
          await tx`select 1`
          await runOnPrimary(() => sql`select 1`, { afterReplicaReads: 'forward' })
          return 'committed'
        })
        expect(committed).toBe('committed')
        const error = await failure(
          sql.primary.begin(async () => {
            const reserved = await sql.reserve()
            reserved.release()
            return await reserved`select 1`
          }),
        )
        expect(error, 'a released handle is dead').toMatchObject({ code: 'CONNECTION_ENDED' })
      })
    })

    test('rule 16: left open by a request that ended in a replay is taken back, and its handle rejects', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const { sql } = opened
      const scope = openScope(database, 'iad')
      let left: driver.ReservedSql | undefined
      await inRequest(scope, async () => {
        left = await sql.reserve()
        await failure(left.unsafe(INSERT))
      })
      expect(await standby(sql)).toBe(true)
      expect(await failure(left?.unsafe('select 1') ?? Promise.resolve())).toBe(scope.refusal)
      left?.release()
      expect(await standby(sql)).toBe(true)
    })

    test('rule 22: a transaction nobody awaits is taken back without an unhandled rejection', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      const unhandled: unknown[] = []
      const note = (error: unknown): void => {
        unhandled.push(error)
      }
      process.on('unhandledRejection', note)
      const scope = openScope(database, 'iad')
      let forgotten: Promise<unknown> | undefined
      try {
        await inRequest(scope, async () => {
          await new Promise<void>((begun) => {
            forgotten = opened.sql.begin(async (tx) => {
              await tx`select 1`
              begun()
              await new Promise(() => {})
            })
          })
          scope.refuse('ewr', 'required')
        })
        expect(await standby(opened.sql), 'its connection serves others').toBe(true)
      } finally {
        process.off('unhandledRejection', note)
      }
      expect(unhandled).toEqual([])
      expect(await failure(forgotten ?? Promise.resolve())).toBe(scope.refusal)
    })

    test('rule 15: that one request left in a refused transaction serves the next one outside of it', async () => {
      await using opened = open(database, 'iad')
      const reserved = await opened.sql.reserve()
      const first = openScope(database, 'iad')
      await inRequest(first, async () => {
        await reserved.unsafe('begin isolation level repeatable read')
        await reserved`select 1`
        await failure(reserved.unsafe(INSERT))
        await failure(reserved.unsafe('rollback'))
      })
      const next = openScope(database, 'iad')
      const level = () => reserved`select current_setting('transaction_isolation') as level`
      const levels = await inRequest(next, () => Promise.all([level(), level()]))
      reserved.release()
      const outside = { level: 'read committed' }
      expect(levels.map(([row]) => row)).toEqual([outside, outside])
      expect(next.state).toBe('open')
    })
  })

  describe('sql.primary', () => {
    test('reads, writes, begins, reserves and notifies on the primary', async () => {
      await using opened = open(database, 'iad')
      const { primary } = opened.sql
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        expect(await standby(primary)).toBe(false)
        await primary`insert into item (name) values (${`by-primary-${version}`})`
        expect(await primary.begin((tx) => standby(tx))).toBe(false)
        const reserved = await primary.reserve()
        expect(await standby(reserved)).toBe(false)
        reserved.release()
        expect(await standby(opened.sql), 'rule 12').toBe(false)
      })
      expect(scope.state).toBe('forwarding')
      expect(await count(`name = 'by-primary-${version}'`)).toBe(1)
    })

    test('after reads of the replica replays the request', async () => {
      await using opened = open(database, 'iad')
      await inRequest(openScope(database, 'iad'), async () => {
        await opened.sql`select 1`
        expect(await failure(opened.sql.primary`select 1`)).toMatchObject({ reason: 'mixed-reads' })
        expect(await failure(opened.sql.primary.begin((tx) => tx`select 1`))).toMatchObject({
          reason: 'mixed-reads',
        })
      })
    })

    test('is sql itself in the primary region', async () => {
      await using opened = open(database, 'ewr')
      expect(opened.sql.primary).toBe(opened.sql)
    })

    test('shares types and options with sql', async () => {
      await using opened = open(database, 'iad')
      const { sql } = opened
      sql.options.parsers[1082] = (day) => `day ${day}`
      const days = (on: driver.Sql) =>
        on.unsafe("select '2020-01-01'::date as d, array['2020-01-02'::date] as ds")
      const seen = [await days(sql), await days(sql.primary)]
      sql.options.parsers[1082] = (day) => `later ${day}`
      seen.push(await days(sql), await days(sql.primary))
      const shown = seen.map((rows) => JSON.stringify(rows))
      expect(shown[0]).toBe('[{"d":"day 2020-01-01","ds":["day 2020-01-02"]}]')
      expect(shown[1]).toBe(shown[0])
      expect(shown[2]).toContain('later 2020-01-01')
      expect(shown[3]).toBe(shown[2])
    })
  })

  describe('what only a primary can do goes there', () => {
    test('listen and notify, heard in the context of the listener', async () => {
      await using opened = open(database, 'iad')
      const { sql } = opened
      const scope = openScope(database, 'iad')
      const heard: unknown[] = []
      const { unlisten } = await runInScope(scope, () =>
        sql.listen('news', (payload) => heard.push([payload, currentScope() === scope])),
      )
      expect(scope.state).toBe('forwarding')
      await sql.notify('news', 'one')
      await expect.poll(() => heard).toEqual([['one', true]])
      await unlisten()
    })

    test('large objects', async () => {
      await using opened = open(database, 'iad')
      const object = await opened.sql.largeObject()
      await object.write(Buffer.from('hello'))
      await object.seek(0)
      expect(String(Reflect.get((await object.read(5)) ?? [], 0)?.['data'])).toBe('hello')
      await object.close()
    })

    test('COPY from stdin, when the scope forwards', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      await runOnPrimary(async () => {
        const stream = await opened.sql`copy item (name) from stdin`.writable()
        await pipeline(Readable.from([`copied-there-${version}\n`]), stream)
        expect(await standby(opened.sql)).toBe(false)
      })
      expect(await count(`name = 'copied-there-${version}'`)).toBe(1)
    })

    test('a COPY that fails at its end rejects, and its connection serves again', async () => {
      await using opened = open(database, 'ewr', { max: 1 })
      const stream = await opened.sql`copy item (name) from stdin`.writable()
      expect(await failure(pipeline(Readable.from(['n1\n']), stream))).toMatchObject({
        code: '23505',
      })
      expect(await standby(opened.sql)).toBe(false)
    })
  })

  describe('where it connects', () => {
    const regions = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', FLYBACK_REWRITE_LOOPBACK: '1' }
    const parts = ({ hostname, port, username, password, pathname }: URL) => ({
      hostname,
      port: Number(port),
      username,
      password,
      database: pathname.slice(1),
    })
    const forms: [
      string,
      (url: URL) => { env: object; args: [(string | undefined)?, Options?] },
    ][] = [
      ['DATABASE_URL', (url) => ({ env: { DATABASE_URL: url.href }, args: [] })],
      ['a URL', (url) => ({ env: {}, args: [url.href] })],
      [
        'a URL of the replica endpoint, as a hand-made rewrite',
        (url) => ({ env: {}, args: [url.href.replace(':5432/', ':5433/')] }),
      ],
      [
        'host and port',
        (url) => {
          const { hostname: host, port, username: user, password, database: name } = parts(url)
          return { env: {}, args: [undefined, { host, port, user, password, database: name }] }
        },
      ],
      [
        'the other names of the driver',
        (url) => {
          const { hostname, port, username, password: pass, database: db } = parts(url)
          return { env: {}, args: [undefined, { hostname, port, username, pass, db }] }
        },
      ],
      [
        'options before the URL, as in the driver',
        (url) => ({
          env: {},
          args: [
            `postgres://${url.username}:${url.password}@nowhere.invalid:1${url.pathname}`,
            { host: url.hostname, port: 5432 },
          ],
        }),
      ],
    ]
    test.each(forms)('%s: reads on 5433, writes on 5432', async (_title, from) => {
      const url = new URL(database.url('iad', 'writer'))
      expect(url.port, 'the lab of this machine has the usual ports').toBe('5432')
      const { env, args } = from(url)
      const [first, options] = args
      const given = { ...options, flyback: { env: { ...regions, ...env } } }
      const sql = first === undefined ? postgres(given) : postgres(first, given)
      expect(await standby(sql)).toBe(true)
      expect(await standby(sql.primary)).toBe(false)
      await sql.end()
    })

    test('sql.options and sql.parameters are of the local endpoint', async () => {
      await using opened = open(database, 'iad')
      const { sql } = opened
      await sql.primary`select 1`
      await sql`select 1`
      expect(sql.options.host).toEqual([new URL(database.url('iad', 'replica')).hostname])
      expect(Reflect.get(sql.parameters, 'in_hot_standby')).toBe('on')
    })

    test('adapters built on it find its routing, in no way in the role single', async () => {
      await using opened = open(database, 'iad')
      expect(routingOf(opened.sql)?.router.role).toBe('replica')
      expect(routingOf(opened.sql)?.hint).toBe('none')
      expect(routingOf(opened.sql.primary)).toEqual({ ...routingOf(opened.sql), hint: 'primary' })
      const single = postgres(database.url('iad', 'writer'), { flyback: { env: {} } })
      expect(hasRouting(single)).toBe(true)
      expect(routingOf(single)).toBeUndefined()
      expect(single.primary).toBe(single)
      await single.end()
    })

    test('rule 19: printing it shows no password that Flyback has read', async () => {
      const url = database.url('iad', 'writer')
      for (const env of [database.env('iad'), database.env('ewr'), { DATABASE_URL: url }]) {
        const sql = postgres({ flyback: { env } })
        await sql`select 1`
        const shown = [sql, sql.primary, sql.options]
          .map((each) => inspect(each, { depth: 8 }) + JSON.stringify(each))
          .join()
        expect(shown).toContain('max')
        expect(shown).not.toContain(new URL(url).password)
        await sql.end()
      }
    })

    test('rule 19: nor does a refusal show its statement or its values', async () => {
      await using opened = open(database, 'iad')
      const error = await failure(
        opened.sql`insert into item (name) values (${'sEcReT-value'}) /* sEcReT-sql */`,
      )
      expect(
        `${error.message} ${error.stack} ${JSON.stringify(error)} ${inspect(error)}`,
      ).not.toMatch(/sEcReT|insert into|postgres:\/\//)
    })
  })

  describe('rule 23: after end', () => {
    test('no session is left on either member, and queries reject as the driver’s', async () => {
      const name = `ends-${Math.random()}`
      const { sql } = open(database, 'iad', { max: 3, connection: { application_name: name } })
      await Promise.all([
        sql`select 1`,
        sql`select 2`,
        sql.primary`select 3`,
        sql.listen('x', () => {}),
      ])
      const sessions = async () =>
        Promise.all(
          ['ewr', 'iad'].map(async (region) => {
            const found = await database.query(
              region,
              'replica',
              'select count(*)::int as n from pg_stat_activity where application_name = $1',
              [name],
            )
            return found[0]?.['n']
          }),
        )
      expect(await sessions()).toEqual([2, 2])
      await sql.end()
      await expect.poll(sessions).toEqual([0, 0])
      for (const work of [
        () => sql`select 1`,
        () => sql.primary`select 1`,
        () => sql.begin((tx) => tx`select 1`),
        () => sql.reserve(),
        () => sql.listen('y', () => {}),
      ]) {
        const error = await failure(work())
        expect(error).toMatchObject({ code: 'CONNECTION_ENDED' })
        expect(findReplayRequired(error) ?? isReplayRequired(error)).toBe(false)
      }
    })
  })
})
