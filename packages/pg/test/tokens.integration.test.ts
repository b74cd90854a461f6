import { setTimeout as sleep } from 'node:timers/promises'
import { parseToken, printToken } from '@flyback/core'
import { currentToken, markWrite, withToken } from '@flyback/core/scope'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { tapWire } from '@flyback/testkit'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure } from './support.js'
import { INSERT, type TokenApp, tokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  database = await lab.createDatabase()
  app = tokenApp(lab, database)
  await using pool = app.open('ewr')
  await pool.query(`
    create table item (id serial primary key, name text);
    create function write_item() returns int language plpgsql as
      $$ begin insert into item (name) values ('f'); return 1; end $$;
    create function sleep_trigger() returns trigger language plpgsql as
      $$ begin perform pg_sleep(5); return new; end $$;
  `)
  await lab.caughtUp()
})
afterAll(() => lab.close())

/** Runs a statement on a member, past everything under test. */
async function admin(region: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url(region, 'replica') })
  await client.connect()
  await client.query(sql)
  await client.end()
}

describe('a token', () => {
  test('rule 6: is in the scope when the write resolves', async () => {
    await using pool = app.open('ewr')
    expect(await app.write(pool, INSERT)).toMatch(/^1\.[0-9a-z]+\.1\.[0-9a-z]+\.[0-9a-z]+$/)
    expect(await app.write(pool, 'select 1')).toBe('none')
  })

  test('rule 7: is past all that was there before COMMIT was sent', async () => {
    await using pool = app.open('ewr')
    await app.request('ewr', undefined, async (scope) => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query(INSERT)
      const { rows } = await client.query(
        'select pg_current_wal_insert_lsn() - $1::pg_lsn as lsn',
        ['0/0'],
      )
      expect(scope.tokens.issued).toEqual([])
      await client.query('commit')
      client.release()
      const [entry] = scope.tokens.issued
      expect(entry?.type === 'position' && entry.lsn > BigInt(rows[0].lsn)).toBe(true)
    })
  })

  test.each([
    ['begin', true],
    ['begin read only', false],
    ['start transaction isolation level repeatable read, read only', false],
    ['begin read only; set transaction read write', true],
    ['begin | set transaction read only', false],
    ["begin | insert into item (name) values ('y') | set transaction read only", true],
    ["begin; insert into item (name) values ('y') | set transaction read only", true],
    ['set transaction read only | begin', true],
  ])('after a transaction that began with "%s": %s', async (begin, isCaptured) => {
    await using pool = app.open('ewr')
    const token = await app.request('ewr', undefined, async () => {
      const client = await pool.connect()
      for (const sql of begin.split(' | ')) await client.query(sql)
      await client.query('select 1')
      await client.query('commit')
      client.release()
      return currentToken()
    })
    expect(token !== undefined).toBe(isCaptured)
  })

  test('is that of the last commit of several in one text, and none of what was rolled back', async () => {
    await using pool = app.open('ewr')
    expect(await app.write(pool, `begin; ${INSERT}; commit`)).not.toBe('none')
    expect(await app.write(pool, `select 1; ${INSERT}`)).not.toBe('none')
    const rolledBack = await app.request('ewr', undefined, async () => {
      const client = await pool.connect()
      for (const sql of ['begin', INSERT, 'rollback']) await client.query(sql)
      client.release()
      return currentToken()
    })
    expect(rolledBack).toBeUndefined()
  })

  test('comes of a function that writes where a request may write, or says that it does', async () => {
    await using pool = app.open('ewr')
    const call = async () => {
      await pool.query('select write_item()')
      return currentToken()
    }
    expect(await app.request('ewr', undefined, call)).toBeUndefined()
    expect(await app.request('ewr', undefined, call, { mayWrite: true })).toBeDefined()
    expect(await app.request('ewr', undefined, call, { replayed: true })).toBeDefined()
    const marked = async () => {
      markWrite()
      return await call()
    }
    expect(await app.request('ewr', undefined, marked)).toMatch(/^1\.(?!pin)/)
    const markedLate = async () => {
      await call()
      markWrite()
      return currentToken()
    }
    expect(await app.request('ewr', undefined, markedLate)).toMatch(/^1\.pin\./)
  })

  test('is the same whatever functions a search path puts before those of the server', async () => {
    await admin(
      'ewr',
      `
      create schema if not exists evil;
      create function evil.pg_is_in_recovery() returns bool language sql as 'select true';
      create function evil.pg_current_wal_flush_lsn() returns pg_lsn language sql as $$ select '0/1'::pg_lsn $$;
      create function evil.pg_last_wal_replay_lsn() returns pg_lsn language sql as $$ select 'F/F'::pg_lsn $$;
    `,
    )
    await lab.caughtUp()
    const options = '-c search_path=evil,public,pg_catalog'
    await using pool = app.open('ewr', { options })
    const token = await app.write(pool)
    expect(parseToken(token)).toMatchObject([{ type: 'position', timeline: 1 }])
    await lab.freeze('iad')
    const later = await app.write(pool)
    await using reader = app.open('iad', { options })
    expect(await app.reader(reader, 'iad', later)).toBe('stale')
    await lab.resume('iad')
    await lab.caughtUp()
    await expect.poll(() => app.reader(reader, 'iad', token)).toBe('replica')
  })

  test('none is captured outside a scope, nor where nobody carries it', async () => {
    await using pool = app.open('ewr')
    await using tap = await tapWire(new URL(database.url('ewr', 'writer')))
    await using tapped = app.open('ewr', { connectionString: tap.url, max: 1 })
    await tapped.query(INSERT)
    const unscoped = tap.messages.length
    await app.request('ewr', undefined, () => tapped.query(INSERT), { captures: false })
    expect(tap.messages.length - unscoped).toBe(unscoped)
    expect(
      await app.request(
        'ewr',
        undefined,
        async () => {
          await pool.query(INSERT)
          return currentToken()
        },
        { captures: false },
      ),
    ).toBeUndefined()
  })
})

test('rule 6: a cursor that is closed before its end, and what it has written', async () => {
  await using pool = app.open('ewr')
  await app.request('ewr', undefined, async (scope) => {
    const client = await pool.connect()
    const cursor = client.query(
      new Cursor("insert into item (name) select 'c' from generate_series(1, 50) returning id"),
    )
    await cursor.read(3)
    await cursor.close()
    expect(scope.tokens.issued).toHaveLength(1)
    client.release()
  })
})

describe('a read with a token', () => {
  test('rule 9: sends nothing more on a connection that has proven what it asks for', async () => {
    await using writer = app.open('ewr')
    const token = await app.write(writer)
    await lab.caughtUp()
    await using tap = await tapWire(new URL(database.url('iad', 'replica')))
    await using reader = app.open('iad', { flyback: { replicaUrl: tap.url }, max: 1 })
    const sent = async (given: string | undefined): Promise<string[]> => {
      const before = tap.messages.length
      expect(await app.reader(reader, 'iad', given)).toBe('replica')
      return tap.messages.slice(before)
    }
    const without = await sent(undefined)
    const first = await sent(token)
    expect(first).toHaveLength(without.length + 1)
    expect(await sent(token)).toEqual(without)
    expect(await sent(undefined)).toEqual(without)
  })

  test('rule 13: waits for its replica without a connection', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad', { max: 1, flyback: { maxWaitMs: 5000 } })
    await lab.freeze('iad')
    const token = await app.write(writer)
    const waiting = app.reader(reader, 'iad', token)
    for (let turn = 0; turn < 20; turn++) {
      expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    }
    await lab.resume('iad')
    expect(await waiting).toBe('replica')
  })

  test('goes to the primary while its replica is frozen, and back when it has caught up', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    await lab.freeze('iad')
    const token = await app.write(writer)
    expect(await app.reader(reader, 'iad', token)).toBe('stale')
    expect(await app.reader(reader, 'iad', token, { canReplay: false })).toBe('primary')
    expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    await lab.resume('iad')
    await lab.caughtUp()
    await expect.poll(() => app.reader(reader, 'iad', token)).toBe('replica')
  })

  test('rule 8: of a transaction is checked before it begins, so that its snapshot has it', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad', { flyback: { maxWaitMs: 5000 } })
    for (let turn = 0; turn < 30; turn++) {
      const name = `turn-${turn}`
      const token = await app.write(writer, `insert into item (name) values ('${name}')`)
      const seen = await app.request('iad', token, async () => {
        const client = await reader.connect()
        await client.query('begin isolation level repeatable read')
        const { rows } = await client.query('select 1 from item where name = $1', [name])
        await client.query('commit')
        client.release()
        return rows.length
      })
      expect(seen, name).toBe(1)
    }
  })

  test('on a checkout that was made before it asked for so much is refused, and served the next time', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    const token = await app.write(writer)
    await lab.caughtUp()
    const read = async (): Promise<unknown> =>
      await app.request('iad', undefined, async () => {
        const client = await reader.connect()
        try {
          await client.query('select 1')
          return await withToken(token, () => client.query('select 2'))
        } finally {
          client.release()
        }
      })
    expect(await failure(read())).toMatchObject({ name: 'ReplayRequired', reason: 'stale' })
    expect(await read()).toMatchObject({ rowCount: 1 })
  })

  test('in a transaction that began before its scope asked for so much is refused', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    await lab.caughtUp()
    const first = await app.write(writer)
    await lab.caughtUp()
    await app.request('iad', first, async () => {
      const client = await reader.connect()
      await client.query('begin isolation level repeatable read')
      await client.query('select 1')
      const token = await app.write(writer)
      const reading = withToken(token, () => client.query('select count(*) from item')).catch(
        (error: unknown) => error,
      )
      const answer = await reading
      client.release(true)
      expect(answer).toMatchObject({ name: 'ReplayRequired', reason: 'stale' })
    })
  })

  test('of another cluster asks for nothing here', async () => {
    await using reader = app.open('iad')
    const foreign = '1.2abcdefgh.7.zzzzzzzzzz.tp23a1'
    expect(await app.reader(reader, 'iad', foreign)).toBe('replica')
  })
})

test.each([
  [`begin; ${INSERT}; commit; select 1/0`],
  ["do $$ begin insert into item (name) values ('d'); commit; perform 1/0; end $$"],
])('what %s has committed before it failed is pinned', async (sql) => {
  await using pool = app.open('ewr')
  await app.request('ewr', undefined, async (scope) => {
    expect(await failure(pool.query(sql))).toMatchObject({ code: '22012' })
    expect(scope.tokens.isPinned).toBe(true)
  })
  await app.request('ewr', undefined, async (scope) => {
    expect(await failure(pool.query('insert into item (id) values (1/0)'))).toBeInstanceOf(Error)
    expect(scope.tokens.issued).toEqual([])
  })
})

describe('a pin', () => {
  const pin = (ageSeconds: number) =>
    printToken([{ type: 'pin', issuedAt: Math.floor(Date.now() / 1000) - ageSeconds }])

  test.each([0, 60])('of %i s ago is read on the primary', async (ageSeconds) => {
    await using reader = app.open('iad')
    expect(await app.reader(reader, 'iad', pin(ageSeconds))).toBe('stale')
  })

  test('stays while it is young, and gives way to a position on the primary when it is old', async () => {
    await using pool = app.open('ewr')
    const after = (token: string) =>
      app.request('ewr', token, async (scope) => {
        await pool.query('select 1')
        return { retired: scope.tokens.retired.size, issued: scope.tokens.issued.length }
      })
    expect(await after(pin(0))).toEqual({ retired: 0, issued: 0 })
    expect(await after(pin(60))).toEqual({ retired: 1, issued: 1 })
  })

  test.each([
    ['COMMIT', ['begin', INSERT], 'commit', 'CommitUnknown'],
    ['an autocommit write', [], 'insert into item (name) select pg_sleep(5)::text', 'error'],
  ])(
    'rule 18: comes of a connection that is lost during %s, and nothing is sent again',
    async (_what, before, last, name) => {
      await using pool = app.open('ewr', { max: 1 })
      pool.on('error', () => {})
      await app.request('ewr', undefined, async (scope) => {
        const client = await pool.connect()
        for (const sql of before) await client.query(sql)
        const { rows } = await client.query('select pg_backend_pid() as pid')
        if (last === 'commit') {
          // COMMIT waits for it: the outcome is open.
          await client.query(
            'create constraint trigger slow after insert on item deferrable initially deferred for each row execute function sleep_trigger()',
          )
          await client.query(INSERT)
        }
        const ending = failure(client.query(last))
        await sleep(200)
        await admin('ewr', `select pg_terminate_backend(${rows[0].pid})`)
        expect(await ending).toMatchObject({ name })
        client.release(true)
        expect(scope.tokens.isPinned).toBe(true)
      })
    },
  )
})
