import { sharedLab, type TestDatabase } from '@flyback/testkit'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  Client,
  type ClientConfig,
  ConfigurationError,
  Pool,
  ReplayRequired,
} from '../src/index.js'
import { failure, inRequest, openScope, SCHEMA } from './support.js'

const WHO = 'select pg_is_in_recovery() as standby'
const INSERT = "insert into item (name) values ('client')"

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const open: pg.Client[] = []
afterEach(async () => {
  for (const client of open.splice(0)) await client.end()
})

async function connected(config: string | ClientConfig): Promise<Client> {
  const client = new Client(config)
  open.push(client)
  await client.connect()
  return client
}

describe('rule 21: with no region variables, a Client is the Client of pg', () => {
  test('it is an instance of it, connects by promise and callback, and writes', async () => {
    const connectionString = database.url('ewr', 'writer')
    const client = await connected({ connectionString })
    expect(client).toBeInstanceOf(pg.Client)
    expect((await client.query(INSERT)).rowCount).toBe(1)
    const other = new Client(connectionString)
    open.push(other)
    const given = await new Promise((resolve) => {
      other.connect((error: Error | null) => resolve(error))
    })
    expect(given).toBeNull()
    expect((await other.query("delete from item where name = 'client'")).rowCount).toBe(1)
  })

  test('a write that the server refuses is the error of the server', async () => {
    const client = await connected({ connectionString: database.url('iad', 'replica') })
    const error = await failure(client.query(INSERT))
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error).toMatchObject({ code: '25006' })
  })

  test('a URL that cannot be parsed is the error of pg', () => {
    const theirs = thrown(() => new pg.Client('postgres://a:b@h:port/x'))
    const ours = thrown(() => new Client('postgres://a:b@h:port/x'))
    expect(ours).toBeInstanceOf(TypeError)
    expect(ours).toEqual(theirs)
  })
})

describe('in a replica region, a Client', () => {
  const config = (): ClientConfig => ({ flyback: { env: database.env('iad') } })

  test('rule 15: that one request left in a refused transaction serves the next one outside of it', async () => {
    const client = await connected(config())
    const first = openScope(database, 'iad')
    await inRequest(first, async () => {
      await client.query('begin isolation level repeatable read')
      await client.query('select 1')
      await failure(client.query(INSERT))
      await failure(client.query('rollback'))
    })
    expect(first.state).toBe('replaying')
    const next = openScope(database, 'iad')
    await inRequest(next, async () => {
      expect((await client.query(WHO)).rows).toEqual([{ standby: true }])
      const { rows } = await client.query('select now() = statement_timestamp() as alone')
      expect(rows, 'no transaction is open').toEqual([{ alone: true }])
    })
    expect(next.state).toBe('open')
    // And with no request at all.
    expect((await client.query('begin')).command).toBe('BEGIN')
    expect((await client.query('commit')).command).toBe('COMMIT')
  })

  test('connects to the replica, by config object', async () => {
    const client = await connected(config())
    expect(client).toBeInstanceOf(pg.Client)
    expect((await client.query(WHO)).rows).toEqual([{ standby: true }])
  })

  describe('made from a string', () => {
    beforeEach(() => {
      for (const [name, value] of Object.entries(database.env('iad'))) vi.stubEnv(name, value)
    })

    test('connects to the replica of that database', async () => {
      const client = await connected(database.url('iad', 'writer'))
      expect((await client.query(WHO)).rows).toEqual([{ standby: true }])
      expect(await failure(client.query(INSERT))).toBeInstanceOf(ReplayRequired)
    })

    test('throws a ConfigurationError that names connectionString and shows nothing of it', () => {
      vi.stubEnv('FLYBACK_REPLICA_URL', undefined)
      const error = thrown(() => new Client('postgres://user:sEcReT@host:port/name'))
      expect(error).toBeInstanceOf(ConfigurationError)
      expect(error).toMatchObject({ setting: 'connectionString' })
      expect(String(error)).toMatch(/^ConfigurationError: connectionString /)
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('sEcReT')
    })
  })

  test('throws ReplayRequired at a write, by promise and callback, and reads on', async () => {
    const client = await connected(config())
    expect(await failure(client.query(INSERT))).toBeInstanceOf(ReplayRequired)
    const error = await new Promise((resolve) => client.query(INSERT, (e) => resolve(e)))
    expect(error).toBeInstanceOf(ReplayRequired)
    expect((await client.query(WHO)).rows).toEqual([{ standby: true }])
  })

  test('rejects the COMMIT of a transaction whose refusal was swallowed', async () => {
    const client = await connected(config())
    await client.query('begin')
    await client.query(INSERT).catch(() => {})
    expect(await failure(client.query('commit'))).toBeInstanceOf(ReplayRequired)
    expect(client.getTransactionStatus()).toBe('I')
  })

  test('rejects with the error of pg when it cannot connect', async () => {
    const client = new Client({
      flyback: { env: database.env('iad'), replicaUrl: 'postgres://nobody@127.0.0.1:1/none' },
    })
    expect(await failure(client.connect())).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('cancels a query that runs on the writer endpoint', async () => {
    const pool = new Pool({ max: 1, ...config() })
    const target = await pool.primary.connect()
    const query = new pg.Query('select pg_sleep(30)')
    const failed = new Promise((resolve) => query.on('error', resolve))
    target.query(query)
    const pid: unknown = Reflect.get(target, 'processID')
    await vi.waitUntil(async () => {
      const sql = "select 1 from pg_stat_activity where pid = $1 and query like '%pg_sleep%'"
      return (await database.query('ewr', 'writer', sql, [pid])).length === 1
    })
    const canceller = new Client(config())
    const cancel: unknown = Reflect.get(canceller, 'cancel')
    if (typeof cancel !== 'function') throw new Error('a Client has no cancel')
    Reflect.apply(cancel, canceller, [target, query])
    expect(await failed).toMatchObject({ code: '57014' })
    expect((await target.query(WHO)).rows).toEqual([{ standby: false }])
    target.release()
    await pool.end()
  })
})

test('in the primary region, a Client reads and writes on the primary', async () => {
  const client = await connected({ flyback: { env: database.env('ewr') } })
  expect((await client.query(WHO)).rows).toEqual([{ standby: false }])
  expect((await client.query(`${INSERT} returning name`)).rows).toEqual([{ name: 'client' }])
})

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('expected it to throw')
}
