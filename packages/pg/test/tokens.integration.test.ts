import { detectDeployment, parseToken, Scope, type ScopeOptions } from '@flyback/core'
import { currentToken, runInScope, withToken } from '@flyback/core/scope'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Pool, type PoolConfig } from '../src/index.js'
import { failure } from './support.js'

const WHO = 'select pg_is_in_recovery() as standby'
const INSERT = "insert into item (name) values ('x')"

let lab: Lab
let database: LabDatabase

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  database = await lab.createDatabase()
  await using pool = open('ewr')
  await pool.query('create table item (id serial primary key, name text)')
  await lab.caughtUp()
})
afterAll(() => lab.close())

const env = (region: string) => lab.env(region, { database: database.name })

function open(region: string, config: PoolConfig = {}): Pool & AsyncDisposable {
  const { flyback, ...rest } = config
  const pool = new Pool({ max: 2, ...rest, flyback: { env: env(region), ...flyback } })
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() })
}

/** Runs work as a request in a region that carries a token. */
async function request<T>(
  region: string,
  token: string | undefined,
  work: (scope: Scope) => Promise<T>,
  options: Partial<ScopeOptions> = {},
): Promise<T> {
  const { role, primaryRegion } = detectDeployment(env(region))
  const canReplay = role === 'replica'
  const scope = new Scope({
    role,
    primaryRegion,
    canReplay,
    token: parseToken(token ?? ''),
    ...options,
  })
  try {
    return await runInScope(scope, () => work(scope))
  } finally {
    scope.end()
  }
}

const tokenOf = (pool: Pool, sql: string): Promise<string | undefined> =>
  request('ewr', undefined, async () => {
    await pool.query(sql)
    return currentToken()
  })

describe('a token', () => {
  test('rule 6: is in the scope when the write resolves', async () => {
    await using pool = open('ewr')
    expect(await tokenOf(pool, INSERT)).toMatch(/^1\.[0-9a-z]+\.1\.[0-9a-z]+\.[0-9a-z]+$/)
    expect(await tokenOf(pool, 'select 1')).toBeUndefined()
  })

  test.each([
    ['begin', true],
    ['begin read only', false],
    ['start transaction isolation level repeatable read, read only', false],
    ['begin read only; set transaction read write', true],
  ])('after a transaction that began with "%s": %s', async (begin, isCaptured) => {
    await using pool = open('ewr')
    const token = await request('ewr', undefined, async () => {
      const client = await pool.connect()
      await client.query(begin)
      await client.query('select 1')
      await client.query('commit')
      client.release()
      return currentToken()
    })
    expect(token !== undefined).toBe(isCaptured)
  })

  test('sends a read to the primary while its replica is frozen, and back when it has caught up', async () => {
    await using writer = open('ewr')
    await using reader = open('iad')
    await lab.freeze('iad')
    const token = await tokenOf(writer, INSERT)
    const error = await failure(request('iad', token, () => reader.query(WHO)))
    expect(error).toMatchObject({ name: 'ReplayRequired', reason: 'stale' })
    const forwarded = await request('iad', token, () => reader.query(WHO), { canReplay: false })
    expect(forwarded.rows[0]).toEqual({ standby: false })
    await withToken(token, async () => {})
    await lab.resume('iad')
    await lab.caughtUp()
    const local = await request('iad', token, () => reader.query(WHO))
    expect(local.rows[0]).toEqual({ standby: true })
  })
})
