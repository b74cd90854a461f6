import { ConfigurationError } from '@flyback/core'
import { describe, expect, test } from 'vitest'
import { flyback as flybackForExpress } from '../src/express.js'
import { withFlyback } from '../src/fetch.js'
import { flyback as flybackForHono } from '../src/hono.js'
import { type FlybackOptions, fly } from '../src/index.js'
import { flyback } from '../src/node.js'
import { readOptions } from '../src/options.js'
import { createPolicy, type RouteRule } from '../src/policy.js'
import { NO_PLATFORM, REPLICA, SINGLE } from './support/environments.js'

describe('a bad option is refused at creation, by its name', () => {
  // Values TypeScript would refuse.
  const bad: ReadonlyArray<readonly [setting: string, options: object]> = [
    ['policy', { policy: 'sometimes' }],
    ['whenNotReplayable', { whenNotReplayable: 'drop' }],
    ['platform', { platform: 'fly' }],
    ['serverTiming', { serverTiming: 'yes' }],
    ['platform', { platform: { ...fly(), encode: undefined } }],
    ['platform', { platform: { ...fly(), carry: () => undefined } }],
    ['platform', { platform: { ...fly(), limits: {} } }],
    ['FLYBACK_PRIMARY_URL', { env: { ...NO_PLATFORM, FLYBACK_PRIMARY_URL: 'app:3000/x' } }],
    ['routes', { routes: {} }],
    ['routes[0]', { routes: [null] }],
    ['routes[0]', { routes: [{ paht: '/x', policy: 'replay' }] }],
    ['routes[1].policy', { routes: [{ policy: 'replay' }, { path: '/x' }] }],
    ['routes[0].method', { routes: [{ method: [], policy: 'replay' }] }],
    ['routes[0].method', { routes: [{ method: 'GET POST', policy: 'replay' }] }],
    ['routes[0].path', { routes: [{ path: 'x', policy: 'replay' }] }],
    ['routes[0].path', { routes: [{ path: '/x?y=1', policy: 'replay' }] }],
    ['routes[0].path', { routes: [{ path: '/*/x', policy: 'replay' }] }],
    ['routes[0].match', { routes: [{ match: 'x', policy: 'replay' }] }],
    ['flyback()', { secret: 'x' }],
  ]
  test.each(bad)('%s', (setting, options) => {
    for (const create of [
      () => flyback(options),
      () => flybackForExpress(options),
      () => flybackForHono(options),
      () => withFlyback(() => new Response(), options),
    ]) {
      expect(create).toThrow(ConfigurationError)
      expect(create).toThrow(expect.objectContaining({ setting }))
    }
  })

  test('in role single too', () => {
    expect(() => flyback({ env: SINGLE, policy: 'x' as 'replay' })).toThrow(ConfigurationError)
  })

  test('a replica whose primary region is no region name', () => {
    const deployment = { ...readOptions({ env: REPLICA }).deployment, primaryRegion: 'a;b' }
    expect(() => flyback({ deployment })).toThrow('deployment.primaryRegion')
  })
})

test('the platform is Fly on a Fly machine, a proxy where its URL is known, the given one anywhere, and none by choice', () => {
  const other = { ...fly(), name: 'other' }
  const name = (options: FlybackOptions): string | undefined => readOptions(options).platform?.name
  expect(name({ env: REPLICA })).toBe('fly')
  expect(name({ env: { ...REPLICA, FLY_MACHINE_ID: '' } })).toBeUndefined()
  expect(name({ env: NO_PLATFORM })).toBeUndefined()
  const FLYBACK_PRIMARY_URL = 'http://app-ewr.internal:3000'
  expect(name({ env: { ...NO_PLATFORM, FLYBACK_PRIMARY_URL } })).toBe('http-proxy')
  expect(name({ env: { ...NO_PLATFORM, FLYBACK_PRIMARY_URL: '' } })).toBeUndefined()
  expect(name({ env: { ...REPLICA, FLYBACK_PRIMARY_URL } })).toBe('fly')
  expect(name({ env: NO_PLATFORM, platform: other })).toBe('other')
  expect(name({ env: REPLICA, platform: false })).toBeUndefined()
})

describe('policies', () => {
  const choose = (rules: readonly RouteRule<string>[], method: string, path: string): string =>
    Object.values(
      createPolicy(rules, 'replay')({ method, path, request: `${method} ${path}` }),
    ).join()

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('%s is attempted', (method) => {
    expect(choose([], method, '/')).toBe('attempt,method')
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'get'])('%s is replayed', (method) => {
    expect(choose([], method, '/')).toBe('replay,method')
  })

  test.each([
    ['/api', '/api', true],
    ['/api', '/api/', false],
    ['/api', '/api/x', false],
    ['/api/*', '/api', true],
    ['/api/*', '/api/', true],
    ['/api/*', '/api/x/y', true],
    ['/api/*', '/apix', false],
    ['/*', '/', true],
    ['/*', '/x', true],
    [/^\/a/g, '/a', true],
    [/^\/a/, '/b', false],
  ])('path %s fits %s: %s', (path, candidate, fits) => {
    const rules = [{ path, policy: 'forward' as const }]
    for (let again = 0; again < 3; again++) {
      expect(choose(rules, 'GET', candidate)).toBe(fits ? 'forward,route' : 'attempt,method')
    }
  })

  test('every condition has to hold, and methods are named in any case', () => {
    const rules: RouteRule<string>[] = [
      { method: ['post', 'PUT'], path: '/a', match: (it) => it !== 'PUT /a', policy: 'forward' },
      { policy: 'attempt' },
    ]
    expect(choose(rules, 'POST', '/a')).toBe('forward,route')
    expect(choose(rules, 'PUT', '/a')).toBe('attempt,route')
    expect(choose(rules, 'POST', '/b')).toBe('attempt,route')
  })
})

test('the first rule that fits and says a policy wins, and the first that says a level; no other is asked', () => {
  const asked: string[] = []
  const rule = (name: string, rest: object): RouteRule<unknown> => ({
    ...rest,
    match() {
      asked.push(name)
      return name !== 'elsewhere'
    },
  })
  const policyFor = createPolicy(
    [
      rule('elsewhere', { consistency: 'eventual' }),
      rule('level', { consistency: 'strong' }),
      rule('another level', { consistency: 'session' }),
      rule('policy', { policy: 'forward', consistency: 'eventual' }),
      rule('another policy', { policy: 'replay' }),
    ],
    'replay',
  )
  const request = { method: 'GET', path: '/', request: undefined }
  expect(policyFor(request)).toEqual({ policy: 'forward', by: 'route', consistency: 'strong' })
  expect(asked).toEqual(['elsewhere', 'level', 'policy'])
})
