import { ConfigurationError } from '@flyback/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fly, httpProxy, type ReplayCause } from '../src/index.js'
import { carriedHeaders, endToEnd } from '../src/platform/carried-headers.js'
import { readPrimaryUrl } from '../src/platform/http-proxy.js'
import { formatReplayState, parseReplayState } from '../src/platform/replay-state.js'

const CAUSES: readonly ReplayCause[] = [
  'write',
  'ambiguous',
  'known-write',
  'required',
  'mixed-reads',
  'replica-unavailable',
  'method',
  'route',
]

const origin = (
  headers: Record<string, string>,
): ReturnType<ReturnType<typeof fly>['readOrigin']> => fly().readOrigin((name) => headers[name])

describe('the state of a replay', () => {
  test.each(CAUSES)('%s travels and comes back', (reason) => {
    const state = formatReplayState(reason)
    expect(state).toMatch(/^[A-Za-z0-9_.:-]+$/)
    expect(parseReplayState(state)).toEqual({ reason })
  })

  test('another version counts as ours, its words as unknown', () => {
    expect(parseReplayState('flyback.2.write')).toEqual({ reason: 'write' })
    expect(parseReplayState('flyback.9.something-new')).toEqual({ reason: undefined })
    expect(parseReplayState('flyback.1.constructor')).toEqual({ reason: undefined })
  })

  test.each([
    '',
    'flyback',
    'flyback.1',
    'flyback.1.',
    'flyback.x.write',
    'flyback.1.write\n',
    ' flyback.1.write',
    'flyback.1.WRITE',
    'my-flyback.1.write',
    `flyback.1.${'a'.repeat(33)}`,
  ])('%j is not ours', (value) => {
    expect(parseReplayState(value)).toBeUndefined()
  })

  test('any text is read without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(parseReplayState(`${value}!`)).toBeUndefined()
      }),
    )
  })
})

describe('fly', () => {
  test('asks for a replay with the fields it was given', () => {
    const order = { region: 'ewr', reason: 'write' } as const
    expect(fly().encode(order)).toEqual([
      ['fly-replay', 'region=ewr;state=flyback.1.write;fallback=prefer_self'],
    ])
    expect(fly({ timeoutMs: 800, fallback: 'none' }).encode(order)).toEqual([
      ['fly-replay', 'region=ewr;state=flyback.1.write;timeout=800ms'],
    ])
    expect(fly({ fallback: 'force_self' }).encode(order)[0]?.[1]).toContain('fallback=force_self')
  })

  test('assumes the smaller of the two limits Fly documents', () => {
    expect(fly().limits.maxBodyBytes).toBe(1_000_000)
    expect(fly({ maxBodyBytes: 10_000_000 }).limits.maxBodyBytes).toBe(10_000_000)
  })

  test.each([
    { maxBodyBytes: -1 },
    { maxBodyBytes: 1.5 },
    { maxBodyBytes: Number.POSITIVE_INFINITY },
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { fallback: 'maybe' as 'none' }, // a value TypeScript would refuse
  ])('refuses %j, naming the option', (options) => {
    expect(() => fly(options)).toThrow(ConfigurationError)
    expect(() => fly(options)).toThrow(Object.keys(options)[0])
  })

  test.each([
    ['state=flyback.1.write', true],
    ['instance=1;region=nrt;t=1;state=flyback.1.write', true],
    ['instance=1; state=flyback.1.write ;t=1', true],
    // A client's own header, joined with the proxy's.
    ['spoofed, instance=1;state=flyback.1.write', true],
    ['state=flyback.1.write, instance=1;state=tenant', true],
    ['state=tenant-7', false],
    ['instance=flyback.1.write', false],
    ['xstate=flyback.1.write', false],
    ['', false],
  ])('fly-replay-src %j is our own replay: %s', (source, replayed) => {
    expect(origin({ 'fly-replay-src': source })).toEqual({ replayed, cached: false, failed: false })
  })

  test('reads the replay cache and a failed replay', () => {
    expect(origin({ 'fly-replay-cache-status': 'hit' }).cached).toBe(true)
    expect(origin({ 'fly-replay-cache-status': 'miss' }).cached).toBe(false)
    expect(origin({ 'fly-replay-cache-status': 'bypass' }).cached).toBe(false)
    expect(origin({ 'fly-replay-failed': '' }).failed).toBe(true)
    expect(origin({})).toEqual({ replayed: false, cached: false, failed: false })
  })

  test('rule 20: any header value is read as yes or no, without an error', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, text, (source, status, failed) => {
        const read = origin({
          'fly-replay-src': source,
          'fly-replay-cache-status': status,
          'fly-replay-failed': failed,
        })
        expect(Object.values(read).every((value) => typeof value === 'boolean')).toBe(true)
      }),
    )
  })
})

describe('httpProxy', () => {
  const url = 'http://app.internal:3000'

  test.each([
    'http://app.internal:3000',
    'https://app.example.com',
    'https://app.example.com/',
    'http://[::1]:3000',
    ' http://10.0.0.1 ',
  ])('takes the URL %j', (value) => {
    expect(readPrimaryUrl(value, 'url').href).toBe(new URL(value).href)
  })

  test.each([
    '',
    'app.internal:3000',
    'localhost',
    '//app.internal',
    'ftp://app.internal',
    'http://',
    'http://app.internal:99999',
    'http://user:hunter2@app.internal',
    'http://hunter2@app.internal',
    'http://app.internal/hunter2',
    'http://app.internal/?hunter2',
    'http://app.internal/#hunter2',
    'javascript:hunter2',
    undefined,
    null,
  ])('rule 19: refuses the URL %j by the name of its setting, and does not repeat it', (value) => {
    const read = (): URL => readPrimaryUrl(value, 'FLYBACK_PRIMARY_URL')
    expect(read).toThrow(ConfigurationError)
    expect(read).toThrow(
      new ConfigurationError(
        'FLYBACK_PRIMARY_URL',
        'must be an http or https URL with a host, a port if need be, and nothing else',
      ),
    )
  })

  test.each([
    { maxBodyBytes: -1 },
    { maxBodyBytes: 1.5 },
    { connectTimeoutMs: 0 },
    { connectTimeoutMs: Number.POSITIVE_INFINITY },
    { connectTimeoutMs: 2 ** 31 },
    { timeoutMs: 0 },
    { timeoutMs: '1' as unknown as number }, // a value TypeScript would refuse
  ])('refuses %j, naming the option', (options) => {
    expect(() => httpProxy({ url, ...options })).toThrow(ConfigurationError)
    expect(() => httpProxy({ url, ...options })).toThrow(Object.keys(options)[0])
  })

  test('needs node:http', () => {
    const own = Object.getOwnPropertyDescriptor(process, 'getBuiltinModule')
    Reflect.set(process, 'getBuiltinModule', undefined)
    try {
      expect(() => httpProxy({ url })).toThrow(ConfigurationError)
    } finally {
      if (own) Object.defineProperty(process, 'getBuiltinModule', own)
    }
    expect(httpProxy({ url }).name).toBe('http-proxy')
  })

  test('rule 20: its mark is read from any header value, without an error', () => {
    const read = (value: string | undefined): boolean =>
      httpProxy({ url }).readOrigin((name) => (name === 'flyback-replay-src' ? value : undefined))
        .replayed
    expect(read('state=flyback.1.write')).toBe(true)
    expect(read('forged, state=flyback.1.write')).toBe(true)
    expect(read('state=tenant')).toBe(false)
    expect(read(undefined)).toBe(false)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(typeof read(value)).toBe('boolean')
      }),
    )
  })
})

describe('headers that travel on', () => {
  const { signal } = new AbortController()
  const request = { method: 'GET', target: '/', scheme: 'http', signal } as const

  test('are all but those of the connection, whatever a client names there', () => {
    const left = [
      ...endToEnd([
        ['Connection', 'X-One, x-two'],
        ['connection', ' x-three ,,'],
        ['x-one', '1'],
        ['X-Two', '2'],
        ['x-three', '3'],
        ['Proxy-Connection', 'x'],
        ['Upgrade', 'h2c'],
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['__proto__', 'x'],
      ]),
    ]
    expect(left).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['__proto__', 'x'],
    ])
  })

  test('rule 20: no client takes away, or makes up, what is set here', () => {
    const headers = carriedHeaders(
      {
        ...request,
        body: [new Uint8Array(3)],
        peer: '192.0.2.1',
        headers: [
          ['host', 'shop.test'],
          [
            'connection',
            'host, content-length, x-forwarded-for, x-forwarded-host, flyback-replay-src',
          ],
          ['content-length', '99'],
          ['transfer-encoding', 'chunked'],
          ['x-forwarded-for', '203.0.113.7'],
          ['x-forwarded-host', 'evil.test'],
          ['flyback-replay-src', 'state=evil'],
          ['__proto__', 'x'],
        ],
      },
      { host: 'app.internal', 'flyback-replay-src': 'state=flyback.1.write' },
    )
    expect(new Map(Object.entries(headers))).toEqual(
      new Map([
        ['__proto__', 'x'],
        ['content-length', '3'],
        ['flyback-replay-src', 'state=flyback.1.write'],
        ['host', 'app.internal'],
        ['x-forwarded-for', '192.0.2.1'],
        ['x-forwarded-host', 'shop.test'],
        ['x-forwarded-proto', 'http'],
      ]),
    )
  })
})
