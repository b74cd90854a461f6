import { setTimeout as sleep } from 'node:timers/promises'
import { detectDeployment, isPrimaryUnavailable, isReplayRequired, Scope } from '@flyback/core'
import { requirePrimary, runInScope } from '@flyback/core/scope'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { relayTcp } from '@flyback/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Pool, type PoolConfig, PrimaryUnavailable } from '../src/index.js'
import { failure, settled } from './support.js'

const WHO = 'select pg_is_in_recovery() as standby'
const INSERT = "insert into item (name) values ('x')"

let lab: Lab
let database: LabDatabase

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  database = await lab.createDatabase()
  await admin('ewr', 'create table item (id serial primary key, name text)')
  await lab.caughtUp()
})
afterAll(() => lab.close())

const env = (region: string) => lab.env(region, { database: database.name })

function open(region: string, config: PoolConfig = {}): Pool & AsyncDisposable {
  const { flyback, ...rest } = config
  const pool = new Pool({ max: 2, ...rest, flyback: { env: env(region), ...flyback } })
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() })
}

/** Runs statements on a member, past everything under test. */
async function admin(
  region: string,
  sql: string,
  params: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: database.url(region, 'replica') })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql, params)).rows
  } finally {
    await client.end()
  }
}

/** Ends other sessions of this database on a member. */
const killSessions = (region: string): Promise<unknown> =>
  admin(
    region,
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
    [database.name],
  )

const replicaScope = (): Scope => {
  const { role, primaryRegion } = detectDeployment(env('iad'))
  return new Scope({ role, primaryRegion, canReplay: true })
}

describe('rule 22: a backend that dies', () => {
  test('in the pool, idle, is replaced at its next use', async () => {
    await using pool = open('iad')
    await pool.query('select 1')
    await killSessions('iad')
    await sleep(50)
    expect((await pool.query(WHO)).rows[0]).toEqual({ standby: true })
  })

  test('under a running read of the pool: the read runs elsewhere', async () => {
    await using pool = open('iad')
    const running = pool.query("select 'done' as answer, pg_sleep(0.4)")
    await sleep(150)
    await killSessions('iad')
    expect((await running).rows[0]).toMatchObject({ answer: 'done' })
  })

  test('under an idle checkout does not crash the process', async () => {
    await using pool = open('iad')
    const client = await pool.connect()
    await client.query('begin')
    await killSessions('iad')
    await sleep(50)
    expect(await failure(client.query('select 1'))).toBeInstanceOf(Error)
    client.release()
    expect((await pool.query(WHO)).rows[0]).toEqual({ standby: true })
  })

  test('under a query of a checkout reports the error of the driver, and frees the slot', async () => {
    await using pool = open('iad', { max: 1 })
    const client = await pool.connect()
    await client.query('begin')
    const running = failure(client.query('select pg_sleep(5)'))
    await sleep(100)
    await killSessions('iad')
    expect(await running).toMatchObject({ code: '57P01' })
    client.release()
    expect((await pool.query(WHO)).rowCount).toBe(1)
  })

  test('in the primary region does not crash the process either', async () => {
    await using pool = open('ewr')
    const client = await pool.connect()
    await client.query('begin')
    await pool.query('select 1')
    await killSessions('ewr')
    await sleep(50)
    expect(await failure(client.query('select 1'))).toBeInstanceOf(Error)
    client.release()
    expect((await pool.query(WHO)).rows[0]).toEqual({ standby: false })
  })
})

describe('a replica that is down', () => {
  test('leaves reads to the writer by default, and the scope is forwarding', async () => {
    await using pool = open('iad')
    await lab.stop('iad')
    try {
      const scope = replicaScope()
      const { rows } = await runInScope(scope, () => pool.query(WHO))
      expect(rows[0]).toEqual({ standby: false })
      expect(scope.state).toBe('forwarding')
      const client = await pool.connect()
      expect((await client.query(WHO)).rows[0]).toEqual({ standby: false })
      client.release()
    } finally {
      await lab.start('iad')
    }
    expect((await pool.query(WHO)).rows[0]).toEqual({ standby: true })
  })

  test('replays the request, or fails with the error of the driver, by option', async () => {
    await using replaying = open('iad', { flyback: { whenReplicaDown: 'replay' } })
    await using failing = open('iad', { flyback: { whenReplicaDown: 'fail' } })
    await lab.stop('iad')
    try {
      expect(await failure(replaying.query(WHO))).toMatchObject({
        reason: 'replica-unavailable',
        region: 'ewr',
      })
      expect(await failure(failing.query(WHO))).toMatchObject({ code: 'ECONNREFUSED' })
    } finally {
      await lab.start('iad')
    }
  })
})

describe('a recovery conflict', () => {
  test('of a read the pool owns runs again, and the caller sees only rows', async () => {
    await using pool = open('iad')
    await admin('ewr', 'create table big as select g as id from generate_series(1, 1000) g')
    await lab.caughtUp()
    await admin('iad', "alter system set max_standby_streaming_delay = '50ms'")
    await admin('iad', 'select pg_reload_conf()')
    await pool.query('select 1')
    const running = pool.query('select count(*)::int as n, pg_sleep(1) from big')
    await sleep(250)
    await admin('ewr', 'truncate big')
    const { rows } = await running
    expect([0, 1000]).toContain(rows[0].n)
    const [conflicts] = await admin(
      'iad',
      'select confl_lock + confl_snapshot as n from pg_stat_database_conflicts where datname = $1',
      [database.name],
    )
    expect(Number(conflicts?.['n'])).toBeGreaterThan(0)
    await admin('iad', 'alter system reset max_standby_streaming_delay')
    await admin('iad', 'select pg_reload_conf()')
  })
})

describe('a read-only primary', () => {
  test('keeps reads, refuses writes as PrimaryUnavailable(read-only), and heals without a restart', async () => {
    await using pool = open('ewr', { max: 1 })
    let opened = 0
    pool.on('connect', () => opened++)
    const readOnly = (on: boolean): Promise<unknown> =>
      admin(
        'ewr',
        `alter database ${database.name} set default_transaction_read_only = ${on ? 'on' : 'off'}`,
      )
    await readOnly(true)
    try {
      for (let i = 0; i < 10; i++) {
        const error = await failure(pool.query(INSERT))
        expect(error).toBeInstanceOf(PrimaryUnavailable)
        expect(error).toMatchObject({ reason: 'read-only' })
        expect((await pool.query(WHO)).rowCount).toBe(1)
      }
      expect(opened, 'at most one probing reconnect a second').toBeLessThanOrEqual(3)
    } finally {
      await admin('ewr', 'set default_transaction_read_only = off').catch(() => {})
      await writable(`alter database ${database.name} set default_transaction_read_only = off`)
    }
    await expect
      .poll(() => pool.query(INSERT).then(() => true, isPrimaryUnavailable), { timeout: 8000 })
      .toBe(true)
    await expect
      .poll(
        () =>
          pool.query(INSERT).then(
            () => 'written',
            () => 'refused',
          ),
        { timeout: 8000 },
      )
      .toBe('written')
  })

  test('in a forwarding scope of a replica region is PrimaryUnavailable, never a replay', async () => {
    await using pool = open('iad')
    await admin('ewr', `alter database ${database.name} set default_transaction_read_only = on`)
    try {
      const error = await failure(pool.primary.query(INSERT))
      expect(error).toMatchObject({ name: 'PrimaryUnavailable', reason: 'read-only' })
    } finally {
      await writable(`alter database ${database.name} set default_transaction_read_only = off`)
    }
  })

  test('rejects the COMMIT of a transaction that swallowed its refusal', async () => {
    await using pool = open('ewr')
    await admin('ewr', `alter database ${database.name} set default_transaction_read_only = on`)
    try {
      const client = await pool.connect()
      await client.query('begin')
      const refusal = await failure(client.query(INSERT))
      expect(refusal).toMatchObject({ name: 'PrimaryUnavailable', reason: 'read-only' })
      expect(await failure(client.query('commit'))).toBe(refusal)
      client.release()
    } finally {
      await writable(`alter database ${database.name} set default_transaction_read_only = off`)
    }
  })

  /** A session that must write although the default of the database forbids it. */
  async function writable(sql: string): Promise<void> {
    const url = new URL(database.url('ewr', 'replica'))
    url.searchParams.set('options', '-c default_transaction_read_only=off')
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    await client.query(sql)
    await client.end()
  }
})

describe('a writer endpoint that leads to a standby', () => {
  // What 5432 does for about a second after a switchover: it still reaches the demoted member.
  test('rule 3, rule 17: serves nothing, and after the deadline is PrimaryUnavailable(standby)', async () => {
    await using endpoint = await relayTcp(new URL(database.url('iad', 'replica')))
    await using pool = open('ewr', {
      connectionString: endpoint.url,
      flyback: { env: env('ewr'), writerDeadlineMs: 300 },
    })
    const scope = new Scope({ role: 'primary', primaryRegion: 'ewr', canReplay: false })
    for (const sql of [INSERT, WHO]) {
      const error = await runInScope(scope, () => failure(pool.query(sql)))
      expect(error).toMatchObject({ name: 'PrimaryUnavailable', reason: 'standby' })
    }
    expect(scope.refusal).toBeUndefined()
    await settled(pool)
    expect(pool.totalCount).toBe(0)
  })

  test('is asked again until it leads to the primary: the caller only waits', async () => {
    await using endpoint = await relayTcp(new URL(database.url('iad', 'replica')))
    await using pool = open('ewr', { connectionString: endpoint.url })
    const running = pool.query(WHO)
    await sleep(300)
    endpoint.lead(new URL(database.url('ewr', 'replica')))
    expect((await running).rows[0]).toEqual({ standby: false })
  })
})

test('rule 17: once the writer endpoint was seen to lead to a standby, older connections are not used again', async () => {
  await using endpoint = await relayTcp(new URL(database.url('ewr', 'replica')))
  await using pool = open('ewr', { connectionString: endpoint.url })
  const pid = async (): Promise<number> =>
    (await pool.query('select pg_backend_pid() as pid')).rows[0].pid
  const old = await pid()
  expect(await pid()).toBe(old)
  const held = await pool.connect()
  endpoint.lead(new URL(database.url('iad', 'replica')))
  const running = pool.query(WHO)
  await sleep(150)
  endpoint.lead(new URL(database.url('ewr', 'replica')))
  expect((await running).rows[0]).toEqual({ standby: false })
  held.release()
  const pids = [await pid(), await pid(), await pid()]
  expect(pids).not.toContain(old)
})

describe('a failover', () => {
  test('leaves both pools writing to the new primary, without a restart', async () => {
    await using lab2 = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
    await using other = await lab2.createDatabase()
    const flyback = { env: lab2.env('ewr', { database: other.name }) }
    const pool = new Pool({ max: 2, flyback })
    const replica = new Pool({
      max: 2,
      flyback: { env: lab2.env('iad', { database: other.name }) },
    })
    try {
      await pool.query('create table item (id serial primary key, name text)')
      await lab2.caughtUp()
      const held = await replica.connect()
      await held.query('begin')
      await held.query('select 1')
      await lab2.promote('iad')
      // A transaction open across the promotion is refused by a server that is no longer in recovery.
      const inside = await failure(held.query(INSERT))
      expect(inside).toMatchObject({ name: 'PrimaryUnavailable', reason: 'role-changed' })
      await held.query('rollback')
      held.release()
      // The promoted member serves the connections that were opened to the replica, and takes writes.
      await expect
        .poll(() => replica.query(INSERT).then(() => 'written', String), { timeout: 8000 })
        .toBe('written')
      // The writer endpoint leads every region to the new primary.
      await expect
        .poll(() => pool.query(INSERT).then(() => 'written', String), { timeout: 8000 })
        .toBe('written')
      expect(
        (await pool.query('select count(*)::int as n from item')).rows[0].n,
      ).toBeGreaterThanOrEqual(2)
    } finally {
      await Promise.all([pool.end(), replica.end()])
    }
  })
})

describe('a replica that was promoted while its app still takes it for one', () => {
  let promoted: Lab
  let other: LabDatabase
  let envBefore: Record<string, string>
  beforeAll(async () => {
    promoted = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
    other = await promoted.createDatabase()
    envBefore = promoted.env('iad', { database: other.name })
    await on('ewr', 'create table item (id serial primary key, name text)')
    await promoted.caughtUp()
    await promoted.promote('iad')
  })
  afterAll(() => promoted.close())

  async function on(region: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: other.url(region, 'replica') })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const openThere = (): Pool & AsyncDisposable => {
    const pool = new Pool({ max: 2, flyback: { env: envBefore } })
    return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() })
  }
  const items = async (): Promise<unknown> =>
    (await on('iad', 'select count(*)::int as n from item'))[0]?.['n']

  test.each<[string, (pool: Pool) => unknown]>([
    ['requirePrimary()', () => requirePrimary()],
    ['an advisory lock', (pool) => pool.query('select pg_advisory_xact_lock(1)')],
    ['pool.primary', (pool) => pool.primary.query('select 1')],
  ])('rule 1: a request that wrote to it is not replayed by %s', async (_title, then) => {
    await using pool = openThere()
    const { role, primaryRegion } = detectDeployment(envBefore)
    const scope = new Scope({ role, primaryRegion, canReplay: true })
    await runInScope(scope, async () => {
      await pool.query(INSERT)
      await then(pool)
    })
    expect(scope.state).toBe('forwarding')
  })

  test.each([
    ['a lost connection', 'select pg_terminate_backend(pg_backend_pid())', '57P01'],
    ['a serialization failure', "do $$ begin raise 'x' using errcode = '40001'; end $$", '40001'],
  ])('a commit on it is not sent again after %s', async (_title, last, code) => {
    await using pool = openThere()
    await pool.query('select 1')
    const before = Number(await items())
    const error = await failure(pool.query(`begin; ${INSERT}; commit; ${last}`))
    expect(error).toMatchObject({ code })
    expect(await items()).toBe(before + 1)
  })
})

describe('a region cut off', () => {
  test('still reads locally, and a forwarded write ends with an error of the driver', async () => {
    await using pool = open('iad', { connectionTimeoutMillis: 500 })
    await pool.query('select 1')
    lab.cut('iad')
    try {
      expect((await pool.query(WHO)).rows[0]).toEqual({ standby: true })
      const error = await failure(pool.primary.query(INSERT))
      expect(isReplayRequired(error)).toBe(false)
    } finally {
      lab.heal('iad')
    }
    await expect
      .poll(() => pool.primary.query(INSERT).then(() => 'written', String), { timeout: 5000 })
      .toBe('written')
  })
})
