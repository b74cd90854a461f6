import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  clusterKey,
  detectDeployment,
  type ResolveOptions,
  resolveEndpoints,
} from '../../src/index.js'

const REPLICA = detectDeployment({ FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' })
const PRIMARY = detectDeployment({ FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' })
const SINGLE = detectDeployment({})

function resolve(
  url: string,
  options: Partial<ResolveOptions> = {},
): ReturnType<typeof resolveEndpoints> {
  return resolveEndpoints(url, REPLICA, { env: {}, ...options })
}

describe('resolveEndpoints in a replica region', () => {
  const rewritten: [url: string, replica: string][] = [
    ['postgres://u:p@db.internal:5432/app', 'postgres://u:p@db.internal:5433/app'],
    ['postgresql://u:p@db.internal:5432/app', 'postgresql://u:p@db.internal:5433/app'],
    ['postgres://u:p@db.internal/app', 'postgres://u:p@db.internal:5433/app'],
    ['postgres://db.internal', 'postgres://db.internal:5433'],
    [
      'postgres://u:p@top1.nearest.of.db.internal:5432/app',
      'postgres://u:p@top1.nearest.of.db.internal:5433/app',
    ],
    [
      'postgres://u:p@db.flycast:5432/app?sslmode=disable',
      'postgres://u:p@db.flycast:5433/app?sslmode=disable',
    ],
    [
      'postgres://u%40x:p%2F%3A5432@db.flycast:5432/a%20b',
      'postgres://u%40x:p%2F%3A5432@db.flycast:5433/a%20b',
    ],
    ['postgres://u:5432@db.internal:5432/5432', 'postgres://u:5432@db.internal:5433/5432'],
    [
      'postgres://u:p@db.internal/app?options=-c%20a%3Db&application_name=x+y',
      'postgres://u:p@db.internal:5433/app?options=-c%20a%3Db&application_name=x+y',
    ],
    ['postgres:///app?host=db.internal&port=5432', 'postgres:///app?host=db.internal&port=5433'],
    [
      'postgres://u:p@db.internal:5432/app?port=5432&x=%2F',
      'postgres://u:p@db.internal:5432/app?port=5433&x=%2F',
    ],
  ]
  test.each(rewritten)('%s', (url, replica) => {
    const endpoints = resolve(url)
    expect(endpoints.writer.url).toBe(url)
    expect(endpoints.replica?.url).toBe(replica)
    expect(endpoints.notices).toEqual([])
  })

  test('a URL rewritten by hand to 5433 still finds its writer on 5432', () => {
    const endpoints = resolve('postgres://u:p@db.internal:5433/app')
    expect(endpoints.writer.url).toBe('postgres://u:p@db.internal:5432/app')
    expect(endpoints.replica?.url).toBe('postgres://u:p@db.internal:5433/app')
  })

  const kept: [url: string, why: RegExp][] = [
    ['postgres://u:p@pgbouncer.abc.flympg.net/app', /Managed/],
    ['postgres://u:p@direct.abc.flympg.net:5432/app', /Managed/],
    ['postgres://u:p@example.com:5432/app', /nothing is known/],
    ['postgres://u:p@localhost:5432/app', /rewriteLoopback/],
    ['postgres://u:p@127.0.0.1:5432/app', /rewriteLoopback/],
    ['postgres://u:p@[::1]:5432/app', /rewriteLoopback/],
    ['postgres://u:p@[fdaa::3]:5432/app', /nothing is known/],
    ['postgres://u:p@db.internal:6432/app', /port 6432/],
    ['postgres://u:p@internal.example.com/app', /nothing is known/],
  ]
  test.each(kept)('%s is not rewritten, and a notice says why', (url, why) => {
    const endpoints = resolve(url)
    expect(endpoints.writer.url).toBe(url)
    expect(endpoints.replica).toBeUndefined()
    expect(endpoints.notices[0]?.message).toMatch(why)
    expect(endpoints.notices[0]?.message).toContain('FLYBACK_REPLICA_URL')
  })

  test('a loopback host is rewritten when asked, by option or variable', () => {
    const url = 'postgres://u:p@[::1]:5432/app'
    expect(resolve(url, { rewriteLoopback: true }).replica?.url).toBe(
      'postgres://u:p@[::1]:5433/app',
    )
    expect(resolve(url, { env: { FLYBACK_REWRITE_LOOPBACK: '1' } }).replica?.url).toContain(':5433')
    expect(resolve(url, { env: { FLYBACK_REWRITE_LOOPBACK: 'false' } }).replica).toBeUndefined()
  })

  describe('explicit replica endpoints', () => {
    const url = 'postgres://u:p@primary.example.com/app'
    const env = {
      FLYBACK_REPLICA_URL: 'postgres://any.example.com/app',
      FLYBACK_REPLICA_URL_IAD: 'postgres://iad.example.com/app',
      FLYBACK_REPLICA_URL_SYD: 'postgres://syd.example.com/app',
    }
    test('the variable of the region wins over the general one', () => {
      expect(resolve(url, { env }).replica?.url).toBe('postgres://iad.example.com/app')
      const { FLYBACK_REPLICA_URL } = env
      expect(resolve(url, { env: { FLYBACK_REPLICA_URL } }).replica?.url).toBe(FLYBACK_REPLICA_URL)
    })
    test('an option wins over variables', () => {
      const replicaUrl = 'postgres://option.example.com/app'
      expect(resolve(url, { env, replicaUrl }).replica?.url).toBe(replicaUrl)
      expect(resolve(url, { env, replicaUrl: { iad: replicaUrl } }).replica?.url).toBe(replicaUrl)
    })
    test('an option for other regions leaves this one to the variables', () => {
      const replicaUrl = { syd: 'postgres://option.example.com/app' }
      expect(resolve(url, { env, replicaUrl }).replica?.url).toBe('postgres://iad.example.com/app')
    })
    test('the writer URL is then not parsed at all', () => {
      const several = 'postgres://u:p@one:5432,two:5432/app'
      expect(resolve(several, { env }).writer.url).toBe(several)
    })
  })

  const malformed: [
    title: string,
    url: string,
    options: Partial<ResolveOptions>,
    setting: string,
  ][] = [
    ['not a URL', 'sEcReT', {}, 'DATABASE_URL'],
    ['another scheme', 'mysql://u:sEcReT@db/app', {}, 'DATABASE_URL'],
    ['an unencoded password', 'postgres://u:sEc#ReT@db.internal/app', {}, 'DATABASE_URL'],
    ['several hosts', 'postgres://u:sEcReT@a:5432,b:5432/app', {}, 'DATABASE_URL'],
    ['several hosts as a parameter', 'postgres://u:sEcReT@/app?host=a,b', {}, 'DATABASE_URL'],
    ['a Unix socket', 'postgres://u:sEcReT@/app?host=/var/run', {}, 'DATABASE_URL'],
    ['no host', 'postgres:///sEcReT', {}, 'DATABASE_URL'],
    ['a port that is none', 'postgres://u:sEcReT@db.internal:99999/app', {}, 'DATABASE_URL'],
    [
      'a port parameter that is none',
      'postgres://u:sEcReT@db.internal/app?port=x',
      {},
      'DATABASE_URL',
    ],
    ['a host badly encoded', 'postgres://u:sEcReT@%E0%A4%A/app', {}, 'DATABASE_URL'],
    ['a password badly encoded', 'postgres://u:sEc%ReT@db.internal/app', {}, 'DATABASE_URL'],
    ['a bad option', 'postgres://db/app', { replicaUrl: 'sEcReT' }, 'replicaUrl'],
    [
      'an option with a password badly encoded',
      'postgres://db/app',
      { replicaUrl: 'postgres://u:sEc%ReT@r/app' },
      'replicaUrl',
    ],
    [
      'a bad option of a region',
      'postgres://db/app',
      { replicaUrl: { iad: 'sEcReT' } },
      'replicaUrl.iad',
    ],
    [
      'a bad variable',
      'postgres://db/app',
      { env: { FLYBACK_REPLICA_URL_IAD: 'sEcReT' } },
      'FLYBACK_REPLICA_URL_IAD',
    ],
    ['another setting', 'sEcReT', { setting: 'connectionString' }, 'connectionString'],
  ]
  test.each(malformed)(
    'rule 19: %s is refused by name, with nothing of its value',
    (_t, url, options, setting) => {
      let thrown: unknown
      try {
        resolve(url, options)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(ConfigurationError)
      expect(thrown).toMatchObject({ setting })
      expect(thrown).not.toHaveProperty('cause')
      const shown = `${String(thrown)}${inspect(thrown)}${JSON.stringify(thrown)}`
      expect(shown).toContain(setting)
      expect(shown).not.toMatch(/sEc/)
    },
  )

  test('rule 19: printing endpoints shows no URL', () => {
    const endpoints = resolve('postgres://u:sEcReT@db.internal/app')
    expect(`${inspect(endpoints)}${JSON.stringify(endpoints)}`).not.toContain('sEcReT')
  })

  test('any text gives endpoints or a ConfigurationError', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl().map((url) => url.replace(/^https?/, 'postgres')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          resolve(text)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigurationError)
        }
      }),
    )
  })
})

describe('resolveEndpoints elsewhere', () => {
  test.each([
    ['single', SINGLE],
    ['primary', PRIMARY],
  ])('rule 21: role %s takes the URL as it is, unparsed', (_role, deployment) => {
    const endpoints = resolveEndpoints('anything, even this', deployment, {
      env: { FLYBACK_REPLICA_URL: 'nor this' },
    })
    expect(endpoints.writer.url).toBe('anything, even this')
    expect(endpoints.replica).toBeUndefined()
    expect(endpoints.notices).toEqual([])
  })
})

test('a cluster is named by its writer endpoint, whoever connects and to whichever database', () => {
  expect(clusterKey('postgres://a:b@DB.internal/x')).toBe('db.internal:5432')
  expect(clusterKey('postgres://c:d@db.internal:5433/y')).toBe('db.internal:5432')
  expect(clusterKey('postgres:///y?host=db&port=6432')).toBe('db:6432')
  expect(clusterKey('no url')).toBe('default')
})
