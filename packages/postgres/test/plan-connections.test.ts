import { inspect } from 'node:util'
import { ConfigurationError, Scope } from '@flyback/core'
import { expect, test } from 'vitest'
import { planConnections } from '../src/plan-connections.js'

const env = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
const replicaUrl = 'postgres://reader:other@replica.example.com:6000/copy'

test('rule 21: in the role single the driver gets the very arguments', () => {
  const options = { max: 1 }
  expect(planConnections('postgres://h/d', options).driverArguments).toEqual([
    'postgres://h/d',
    options,
  ])
  expect(planConnections('postgres://h/d', options).driverArguments[1]).toBe(options)
  expect(planConnections(options, undefined).driverArguments[0]).toBe(options)
  expect(planConnections({ ...options, flyback: { env: {} } }, undefined).driverArguments).toEqual([
    options,
  ])
})

test('DATABASE_URL is read when nothing says where the database is', () => {
  const flyback = { env: { DATABASE_URL: 'postgres://h/d' } }
  const urlOf = (options: object) => planConnections(options, undefined).driverArguments[0]
  expect(urlOf({ max: 1, flyback })).toBe('postgres://h/d')
  expect(planConnections('', { flyback }).driverArguments[0]).toBe('postgres://h/d')
  for (const field of ['host', 'hostname', 'path', 'port', 'database', 'db', 'user', 'username']) {
    expect(urlOf({ [field]: '1', flyback }), field).toEqual({ [field]: '1' })
  }
  expect(urlOf({ flyback: { env: { ...flyback.env, PGHOST: 'elsewhere' } } })).toEqual({})
})

test('a replica URL wins over the address in the options, as far as it says something', () => {
  const options = { host: 'h', port: 1, user: 'u', password: 'p', database: 'd', max: 3 }
  const routed = planConnections({ ...options, flyback: { env, replicaUrl } }, undefined).routed
  expect(routed?.replica).toEqual([replicaUrl, { max: 3 }])
  expect(routed?.writer).toEqual([options])
  const bare = planConnections(
    { ...options, flyback: { env, replicaUrl: 'postgres://r' } },
    undefined,
  ).routed
  expect(bare?.replica).toEqual([
    'postgres://r',
    { user: 'u', password: 'p', database: 'd', max: 3 },
  ])
})

test('several hosts have no replica endpoint that could be derived, and keep working', () => {
  const routed = planConnections(
    { host: ['a', 'b'], port: [1, 2], flyback: { env } },
    undefined,
  ).routed
  expect(routed?.replica).toBeUndefined()
  expect(routed?.writer).toEqual([{ host: ['a', 'b'], port: [1, 2] }])
})

test('rule 12: a URL and fields that name one host are one cluster', () => {
  const routerOf = (first: unknown, second?: object) =>
    planConnections(first, second).routed?.routing.router
  const flyback = { env, replicaUrl }
  const byUrl = routerOf('postgres://u:p@db.example.com/app', { flyback })
  const byFields = routerOf({ hostname: 'db.example.com', flyback })
  const elsewhere = routerOf({ host: 'other.example.com', flyback })
  const scope = new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
  byUrl?.enter(scope, 'writer')
  expect(byFields?.isBehind(scope, 'replica')).toBe(true)
  expect(elsewhere?.isBehind(scope, 'replica')).toBe(false)
})

test('an option that cannot be used is named', () => {
  const flyback = { env, whenReplicaDown: 'nonsense' }
  expect(() => planConnections({ flyback }, undefined)).toThrow(ConfigurationError)
  expect(() => planConnections('postgres://a,b/d', { flyback: { env } })).toThrow(/^url /)
})

const REGIONS = [{}, { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }]

test.each([
  'postgres://user:sEcReT@[bad/app',
  'postgres://user:sEcReT@host:99999/app',
  'postgres://user:sEcReT%@host/app',
  'sEcReT',
])('rule 19: a DATABASE_URL that cannot be used is refused by name alone: %s', (url) => {
  for (const regions of REGIONS) {
    let thrown: unknown
    try {
      planConnections(undefined, { flyback: { env: { DATABASE_URL: url, ...regions } } })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigurationError)
    expect(thrown).toMatchObject({ setting: 'DATABASE_URL' })
    expect(inspect(thrown, { depth: 5 })).not.toMatch(/sEcReT/)
  }
})

test('one of several hosts is left to the driver', () => {
  const url = 'postgres://user:pass@one:5432,two:5433/app'
  const plan = planConnections(undefined, { flyback: { env: { DATABASE_URL: url } } })
  expect(plan.driverArguments[0]).toBe(url)
})
