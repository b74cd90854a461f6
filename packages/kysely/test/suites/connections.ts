import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { CamelCasePlugin, CompiledQuery, Kysely, type LogEvent, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  FlybackDialect,
  findReplayRequired,
  ReplayRequired,
  runOnPrimary,
  withPrimary,
} from '../../src/index.js'
import type { Database } from '../adapter-under-test.js'
import {
  count,
  failure,
  inRequest,
  onStandby,
  openDb,
  openPair,
  openPostgres,
  openScope,
  pidOf,
  SCHEMA,
} from '../support.js'

const FORMS = [
  ['a pool of @flyback/pg', openDb],
  ['a pair of dialects', openPair],
] as const

const ALL_FORMS = [...FORMS, ['@flyback/postgres', openPostgres]] as const

/** Held connections, streams, the primary by name, plugins, logging. */
export function describeConnections(): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  describe.each(FORMS)('over %s', (_form, open) => {
    test('db.connection() is one session, and never mixes endpoints', async () => {
      await using form = open(database, 'iad')
      const scope = openScope(database, 'iad')
      await inRequest(scope, () =>
        form.db.connection().execute(async (held) => {
          const pid = await pidOf(held)
          expect(await failure(sql`select 1/0`.execute(held))).toMatchObject({ code: '22012' })
          expect(await pidOf(held)).toBe(pid)
          const primary = () => onStandby(form.db)
          expect(await runOnPrimary(primary, { afterReplicaReads: 'forward' })).toBe(false)
          const refused = { reason: 'mixed-reads', replayable: false }
          expect(await failure(pidOf(held))).toMatchObject(refused)
          const insert = held.insertInto('item').values({ name: 'held' })
          expect(await failure(insert.execute())).toMatchObject(refused)
        }),
      )
      expect(await count(database, 'held')).toBe(0)
      expect(await onStandby(form.db)).toBe(true)
    })

    test('db.connection() that begins with a refused write is still unchosen', async () => {
      await using form = open(database, 'iad')
      await form.db.connection().execute(async (held) => {
        expect(await failure(held.deleteFrom('item').execute())).toBeInstanceOf(ReplayRequired)
        expect(await onStandby(held)).toBe(true)
      })
    })

    test('db.connection() that was used for nothing takes none', async () => {
      await using form = open(database, 'iad')
      await form.db.connection().execute(async () => {})
      expect(form.opened()).toBe(0)
    })

    test('a connection that was given back takes no other', async () => {
      await using form = open(database, 'iad')
      const kept = await form.db.connection().execute(async (held) => held)
      expect(String(await failure(onStandby(kept)))).toMatch(/given back/)
    })

    test('rows stream from the replica, and from the primary when asked', async () => {
      await using form = open(database, 'iad', { max: 1 })
      const standbys = async (db: Kysely<Database>) => {
        const seen: unknown[] = []
        const query = db
          .selectFrom('item')
          .select(sql<boolean>`pg_is_in_recovery()`.as('standby'))
          .limit(3)
        for await (const row of query.stream(1)) seen.push(row.standby)
        return seen
      }
      expect(await standbys(form.db)).toEqual([true, true, true])
      expect(await standbys(withPrimary(form.db))).toEqual([false, false, false])
    })

    test('a stream that is left early gives its connection back', async () => {
      await using form = open(database, 'iad', { max: 1 })
      for await (const _row of form.db.selectFrom('item').selectAll().stream(1)) break
      expect(await onStandby(form.db)).toBe(true)
    })

    test('a stream of a known write is refused before its first row', async () => {
      await using form = open(database, 'iad', { max: 1 })
      const stream = form.db.deleteFrom('item').returning('id').stream(1)
      expect(await failure(stream.next())).toMatchObject({ reason: 'known-write' })
      expect(form.opened()).toBe(0)
    })

    test('a stream the replica cancels runs elsewhere before its first row, never after', async () => {
      await using form = open(database, 'iad', { max: 1 })
      const rows = async (text: string) => {
        const seen: unknown[] = []
        const stream = form.db.getExecutor().stream<object>(CompiledQuery.raw(text), 1)
        const error = await (async () => {
          for await (const chunk of stream) seen.push(...chunk.rows)
        })().catch((thrown: unknown) => thrown)
        return { seen, error }
      }
      expect(await rows('select conflict_on_standby() as answer')).toEqual({
        seen: [{ answer: 'ok' }],
        error: undefined,
      })
      const late =
        'select g, case when g = 2 then conflict_on_standby() end as a from generate_series(1, 3) g'
      const { seen, error } = await rows(late)
      expect(seen).toHaveLength(1)
      expect(error).toMatchObject({ code: '40001' })
    })

    test('a read the replica cancels (40001) runs again, but not on a connection that is held', async () => {
      await using form = open(database, 'iad')
      const scope = openScope(database, 'iad')
      const conflict = sql<{ answer: string }>`select conflict_on_standby() as answer`
      const { rows } = await inRequest(scope, () => conflict.execute(form.db))
      expect(rows).toEqual([{ answer: 'ok' }])
      expect(scope.state).toBe('forwarding')
      await form.db.connection().execute(async (held) => {
        await onStandby(held)
        expect(await failure(conflict.execute(held))).toMatchObject({ code: '40001' })
      })
      const inTransaction = form.db.transaction().execute((tx) => conflict.execute(tx))
      expect(await failure(inTransaction)).toMatchObject({ code: '40001' })
    })

    describe('withPrimary()', () => {
      test('reads and writes on the primary, with the types and plugins of its Kysely', async () => {
        await using form = open(database, 'iad', { plugins: [new CamelCasePlugin()] })
        const primary = form.db.withPrimary()
        const name = `primary over ${_form}`
        const inserted = await primary
          .insertInto('item')
          .values({ name })
          .returning(sql<boolean>`pg_is_in_recovery()`.as('is_standby'))
          .executeTakeFirstOrThrow()
        expect(inserted).toEqual({ isStandby: false })
        expect(await primary.transaction().execute((tx) => onStandby(tx))).toBe(false)
        const held = await primary.connection().execute((one) => onStandby(one))
        expect(held).toBe(false)
        expect(await onStandby(form.db)).toBe(true)
        expect(await count(database, name)).toBe(1)
      })

      test('takes what withPlugin, withSchema and withoutPlugins return', async () => {
        await using form = open(database, 'iad')
        const derived = withPrimary(form.db.withPlugin(new CamelCasePlugin()).withSchema('public'))
        const row = await derived
          .selectFrom('item')
          .select(sql<boolean>`pg_is_in_recovery()`.as('is_standby'))
          .executeTakeFirst()
        expect(row).toEqual({ isStandby: false })
        expect(await onStandby(derived.withoutPlugins())).toBe(false)
        expect((await derived.introspection.getTables()).length).toBeGreaterThan(0)
      })

      test('makes the scope forward', async () => {
        await using form = open(database, 'iad')
        const scope = openScope(database, 'iad')
        await inRequest(scope, async () => {
          expect(await onStandby(withPrimary(form.db))).toBe(false)
          expect(await onStandby(form.db)).toBe(false)
        })
        expect(scope.state).toBe('forwarding')
      })

      test('after reads of the replica, in a request that may be replayed, replays it', async () => {
        await using form = open(database, 'iad')
        const scope = openScope(database, 'iad')
        const error = await inRequest(scope, async () => {
          await onStandby(form.db)
          return await failure(onStandby(withPrimary(form.db)))
        })
        expect(error).toMatchObject({ reason: 'mixed-reads', replayable: true })
      })

      test('on a connection that has read the replica throws, and on a fresh one pins it', async () => {
        await using form = open(database, 'iad')
        await form.db.connection().execute(async (held) => {
          await onStandby(held)
          expect(await failure(onStandby(withPrimary(held)))).toBeInstanceOf(ReplayRequired)
        })
        await form.db.connection().execute(async (held) => {
          expect(await onStandby(withPrimary(held))).toBe(false)
          expect(await onStandby(held)).toBe(false)
        })
      })

      test('comes before a transaction', async () => {
        await using form = open(database, 'iad')
        await form.db.transaction().execute(async (tx) => {
          const given: unknown = tx
          // The compiler takes no transaction either.
          expect(() => withPrimary(given as Kysely<Database>)).toThrow(ConfigurationError)
        })
      })

      test('destroying either ends the pools once, whichever was used', async () => {
        for (const used of ['db', 'primary'] as const) {
          await using form = open(database, 'iad')
          const primary = form.db.withPrimary()
          await onStandby(used === 'db' ? form.db : primary)
          await primary.destroy()
          expect(String(await failure(onStandby(form.db)))).toMatch(/destroyed/)
          expect(String(await failure(onStandby(primary)))).toMatch(/destroyed/)
          await form.db.destroy()
        }
      })
    })

    test('every statement is logged once, as with the dialect inside', async () => {
      const logged = async (db: Kysely<Database>, log: LogEvent[]) => {
        await onStandby(db)
        await failure(sql`select 1/0`.execute(db))
        await db.transaction().execute((tx) => onStandby(tx))
        const tx = await db.startTransaction().execute()
        await tx.savepoint('one').execute()
        await tx.rollback().execute()
        for await (const _row of db.selectFrom('item').select('id').limit(2).stream(1));
        return log.map(({ level, query }) => `${level}: ${query.sql}`)
      }
      const ours: LogEvent[] = []
      await using form = open(database, 'iad', { log: (event) => void ours.push(event) })
      const theirs: LogEvent[] = []
      const pool = new pg.Pool({ connectionString: database.url('iad', 'replica') })
      const plain = new Kysely<Database>({
        dialect: new PostgresDialect({ pool, cursor: Cursor }),
        log: (event) => void theirs.push(event),
      })
      expect(await logged(form.db, ours)).toEqual(await logged(plain, theirs))
      expect(ours.length).toBe(9)
      await plain.destroy()
    })

    test('a statement that ran elsewhere is logged once, as what it came to', async () => {
      const log: LogEvent[] = []
      await using form = open(database, 'iad', { log: (event) => void log.push(event) })
      await sql`select conflict_on_standby()`.execute(form.db)
      expect(log.map(({ level }) => level)).toEqual(['query'])
    })

    test('db.dynamic, $call, executeTakeFirst and introspection are as they were', async () => {
      await using form = open(database, 'iad')
      const { ref } = form.db.dynamic
      const row = await form.db
        .selectFrom('item')
        .select(ref<'name'>('name'))
        .$call((query) => query.where('name', '=', 'n2'))
        .executeTakeFirst()
      expect(row).toEqual({ name: 'n2' })
      const none = form.db.selectFrom('item').selectAll().where('name', '=', 'nobody')
      expect(await none.executeTakeFirst()).toBeUndefined()
      const tables = await form.db.introspection.getTables()
      expect(tables.map((table) => table.name)).toContain('item')
    })

    test('50 concurrent scopes over two connections: no scope of another', async () => {
      await using form = open(database, 'iad', { max: 2 })
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const scope = openScope(database, 'iad')
          await inRequest(scope, async () => {
            const { rows } = await sql<{ i: number }>`select ${i}::int as i`.execute(form.db)
            expect(rows).toEqual([{ i }])
            const insert = form.db.insertInto('item').values({ name: `c${i} over ${_form}` })
            if (i % 3 === 0) expect(await failure(insert.execute())).toBe(scope.refusal)
            if (i % 3 !== 1) return
            await runOnPrimary(() => insert.execute(), { afterReplicaReads: 'forward' })
            expect(await onStandby(form.db)).toBe(false)
          })
          expect(scope.state).toBe((['replaying', 'forwarding', 'open'] as const)[i % 3])
          expect(await count(database, `c${i} over ${_form}`)).toBe(i % 3 === 1 ? 1 : 0)
        }),
      )
    })
  })

  describe.each(ALL_FORMS)('what nobody waits for, over %s', (_form, open) => {
    const check = new Error('check')
    test.each([
      [
        'beside its first statement',
        async (held: Kysely<Database>) => {
          await Promise.all([held.selectFrom('item').select('name').execute(), fail(check)])
        },
      ],
      [
        'before it awaits its first statement',
        async (held: Kysely<Database>) => {
          const first = held.selectFrom('item').select('name').execute()
          first.catch(() => {})
          await fail(check)
        },
      ],
    ] as const)('db.connection() that ends %s gives it back', async (_title, work) => {
      await using opened = open(database, 'iad', { max: 1 })
      for (let i = 0; i < 2; i++) {
        expect(await failure(opened.db.connection().execute(work))).toBe(check)
        expect(await onStandby(opened.db)).toBe(true)
      }
    })
  })

  describe.each(ALL_FORMS)('a transaction begun in raw SQL over %s', (_form, open) => {
    const writes = [
      ['known', (db: Kysely<Database>) => db.insertInto('item').values({ name: 'raw' }).execute()],
      ['unknown', (db: Kysely<Database>) => sql`select write_item()`.execute(db)],
    ] as const
    test.each(writes)(
      'whose refusal (of a write that is %s) was swallowed rejects at its COMMIT, and is over',
      async (_title, write) => {
        await using opened = open(database, 'iad', { max: 1 })
        await opened.db.connection().execute(async (held) => {
          await sql`begin`.execute(held)
          const error = await failure(write(held))
          expect(await failure(sql`commit`.execute(held))).toBe(error)
          await sql`begin`.execute(held)
          await onStandby(held)
          await sql`commit`.execute(held)
        })
      },
    )

    test.each(writes)(
      'commits when the refusal (of a write that is %s) was undone, but not by RELEASE',
      async (_title, write) => {
        await using opened = open(database, 'iad', { max: 1 })
        await opened.db.connection().execute(async (held) => {
          const run = (text: string) => sql.raw(text).execute(held)
          await run('begin')
          await run('savepoint one')
          const error = await failure(write(held))
          await run('release one').catch(() => {})
          expect(await failure(run('commit'))).toBe(error)
          await run('begin')
          await run('savepoint one')
          await failure(write(held))
          await run('rollback to one')
          await run('commit')
        })
      },
    )

    test.each(writes)(
      'and left open after a refusal (of a write that is %s) is not given to the next',
      async (_title, write) => {
        await using opened = open(database, 'iad', { max: 1 })
        await opened.db.connection().execute(async (held) => {
          await sql`begin`.execute(held)
          await failure(write(held))
        })
        const outside = await failure(sql`savepoint outside`.execute(opened.db))
        expect(outside).toMatchObject({ code: '25P01' })
      },
    )

    test('is not what a known write was refused in before any raw SQL ran', async () => {
      await using opened = open(database, 'iad', { max: 1 })
      await opened.db.connection().execute(async (held) => {
        await held.selectFrom('item').select('name').execute()
        await failure(held.deleteFrom('item').execute())
        await sql`begin`.execute(held)
        await sql`commit`.execute(held)
      })
    })
  })

  // Pools of Flyback's take such connections back themselves.
  test.each([
    ['alone', async (db: Kysely<Database>) => db],
    ['in a transaction', (db: Kysely<Database>) => db.startTransaction().execute()],
  ] as const)(
    'rule 16: a stream over a pair, left open by a request that is replayed, is ended: %s',
    async (_title, begin) => {
      await using opened = openPair(database, 'iad', { max: 1 })
      const scope = openScope(database, 'iad')
      const rows = await inRequest(scope, async () => {
        const db = await begin(opened.db)
        const stream = db.selectFrom('item').selectAll().stream(1)[Symbol.asyncIterator]()
        expect(await stream.next()).toMatchObject({ done: false })
        await failure(opened.db.deleteFrom('item').execute())
        return stream
      })
      expect(await onStandby(opened.db)).toBe(true)
      expect(findReplayRequired(await failure(rows.next()))).toBe(scope.refusal)
    },
  )

  test('onCreateConnection and onReserveConnection run on the connections of both endpoints', async () => {
    const { Pool } = await import('@flyback/pg')
    const created: boolean[] = []
    let reserved = 0
    const dialect = new FlybackDialect({
      // Made when it is first needed, as Kysely allows.
      pool: async () => new Pool({ flyback: { env: database.env('iad') } }),
      onCreateConnection: async (connection) => {
        const role = CompiledQuery.raw('select pg_is_in_recovery() as standby')
        const { rows } = await connection.executeQuery<{ standby: boolean }>(role)
        created.push(rows[0]?.standby === true)
      },
      onReserveConnection: async () => {
        reserved++
      },
    })
    const db = new Kysely<Database>({ dialect })
    for (let i = 0; i < 2; i++) {
      expect(await onStandby(db)).toBe(true)
      expect(await onStandby(withPrimary(db))).toBe(false)
    }
    expect(created).toEqual([true, false])
    expect(reserved).toBe(4)
    await db.destroy()
  })
}

async function fail(error: Error): Promise<never> {
  throw error
}
