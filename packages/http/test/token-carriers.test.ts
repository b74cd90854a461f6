import { once } from 'node:events'
import type {
  IncomingMessage,
  OutgoingHttpHeader,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { ConfigurationError, parseToken, printToken, Scope, type TokenEntry } from '@flyback/core'
import { describe, expect, test } from 'vitest'
import { withFlyback } from '../src/fetch.js'
import { flyback } from '../src/node.js'
import { cookieToken } from '../src/token/cookie-token.js'
import { headerToken } from '../src/token/header-token.js'
import { privateCacheControl } from '../src/token/private-response.js'
import { storedToken } from '../src/token/stored-token.js'
import type { CarriedToken, HeaderLine, TokenCarrier } from '../src/token/token-carrier.js'
import { scope } from './support/contract.js'
import { PRIMARY, REPLICA } from './support/environments.js'
import { hear } from './support/hear.js'
import { startServer } from './support/node-server.js'

const SECRET = 'the first secret, of more than 32 characters'
const OLD = 'the secret before it, of more than 32 characters'
const at = (lsn: bigint, cluster = 'c'): TokenEntry => ({
  type: 'position',
  cluster,
  timeline: 1,
  lsn,
  issuedAt: 1,
})

function open(carrier: TokenCarrier, headers: Record<string, string> = {}, isEncrypted = false) {
  return carrier.open({ request: undefined, header: (name) => headers[name], isEncrypted })
}

/** What a response says when these were captured. */
function linesOf(carried: CarriedToken, ...captured: readonly TokenEntry[]): readonly HeaderLine[] {
  const { tokens } = new Scope({
    role: 'primary',
    primaryRegion: 'ewr',
    canReplay: false,
    token: carried.given(),
  })
  for (const entry of captured) tokens.add(entry)
  return carried.lines(tokens)
}

const cookieOf = (lines: readonly HeaderLine[]): string =>
  lines.map(([, line]) => line.split(';', 1)[0]).join('; ')

describe('an option that cannot be used is refused by its name, with nothing of its value', () => {
  test.each<readonly [setting: string, create: () => unknown]>([
    ['cookieToken.name', () => cookieToken({ name: 'a b' })],
    ['cookieToken.name', () => cookieToken({ name: 'a;\r\nx' })],
    ['cookieToken.secure', () => cookieToken({ secure: 'yes' as 'auto' })],
    ['cookieToken.domain', () => cookieToken({ domain: 'example.com' })],
    ['cookieToken.domain', () => cookieToken({ domain: 'a;b', secret: SECRET })],
    ['cookieToken.path', () => cookieToken({ path: 'x' })],
    ['cookieToken.path', () => cookieToken({ path: '/;\n' })],
    ['cookieToken.maxAgeSeconds', () => cookieToken({ maxAgeSeconds: 0 })],
    ['cookieToken.maxAgeSeconds', () => cookieToken({ maxAgeSeconds: 1e9 })],
    ['cookieToken.secret', () => cookieToken({ secret: 'too short, planted' })],
    ['cookieToken.secret', () => cookieToken({ secret: [] })],
    ['cookieToken.secret', () => cookieToken({ secret: [SECRET, 'too short, planted'] })],
    ['headerToken.name', () => headerToken({ name: 'a b' })],
    ['headerToken.secret', () => headerToken({ secret: 'too short, planted' })],
    ['storedToken.read', () => storedToken({ read: 'x' as never, write() {} })],
    ['storedToken.write', () => storedToken({ read: () => '', write: 'x' as never })],
    ['token', () => flyback({ token: {} as TokenCarrier })],
    ['consistency', () => flyback({ consistency: 'planted' as 'strong' })],
  ])('%s', (setting, create) => {
    const error = caught(create)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toMatchObject({ setting })
    expect(inspect(error)).not.toMatch(/planted: |too short|the first secret/)
  })
})

function caught(create: () => unknown): unknown {
  try {
    return create()
  } catch (error) {
    return error
  }
}

describe('a cookie', () => {
  test.each<
    readonly [
      what: string,
      options: Parameters<typeof cookieToken>[0],
      headers: Record<string, string>,
      encrypted: boolean,
      line: string,
    ]
  >([
    [
      'http',
      {},
      {},
      false,
      'flyback-c-1-5=1.c.1.5.1; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      'TLS',
      {},
      {},
      true,
      '__Host-flyback-c-1-5=1.c.1.5.1; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax',
    ],
    [
      'https before a proxy',
      {},
      { 'x-forwarded-proto': 'https, http' },
      false,
      '__Host-flyback-c-1-5=1.c.1.5.1; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax',
    ],
    [
      'http before a proxy that uses TLS',
      {},
      { 'x-forwarded-proto': 'http' },
      true,
      'flyback-c-1-5=1.c.1.5.1; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      'a path',
      { path: '/app' },
      {},
      true,
      'flyback-c-1-5=1.c.1.5.1; Max-Age=2592000; Path=/app; HttpOnly; Secure; SameSite=Lax',
    ],
    [
      'never secure',
      { secure: false, name: 'x', maxAgeSeconds: 60 },
      {},
      true,
      'x-c-1-5=1.c.1.5.1; Max-Age=60; Path=/; HttpOnly; SameSite=Lax',
    ],
  ])('is made for how the request came: %s', (_what, options, headers, encrypted, line) => {
    expect(linesOf(open(cookieToken(options), headers, encrypted), at(5n))).toEqual([
      ['Set-Cookie', line],
    ])
  })

  test('with a domain is signed, and has no prefix', () => {
    const carrier = cookieToken({ domain: 'example.com', secret: SECRET })
    const [[, line] = []] = linesOf(open(carrier, {}, true), at(5n))
    expect(line).toMatch(/^flyback-c-1-5=1\.c\.1\.5\.1\.[\w-]{22}; .*Domain=example\.com; /)
  })

  test('counts when one of the secrets has signed it, and its name is that of its position', () => {
    const carrier = cookieToken({ secret: [SECRET, OLD] })
    const ofOld = cookieOf(linesOf(open(cookieToken({ secret: OLD })), at(5n)))
    const ofNew = cookieOf(linesOf(open(carrier), at(6n)))
    const cookie = (text: string) => open(carrier, { cookie: text }).given()
    expect(cookie(`${ofOld}; ${ofNew}; a=1`)).toEqual([at(5n), at(6n)])
    for (const bad of [
      ofNew.replace('-6=', '-7='),
      ofNew.replace('.6.', '.7.'),
      ofNew.replace(/\.[^.]*$/, ''),
      ofNew.slice(0, -1),
      `${ofNew}x`,
      cookieOf(linesOf(open(cookieToken()), at(5n))),
    ]) {
      expect(cookie(bad), bad).toEqual([])
    }
    expect(open(cookieToken({ secret: SECRET }), { cookie: ofOld }).given()).toEqual([])
  })

  test('of the other scheme is deleted as it was set', () => {
    const cookie = '__Host-flyback-c-1-5=1.c.1.5.1; flyback-c-1-4=1.c.1.4.1'
    expect(linesOf(open(cookieToken(), { cookie }), at(9n))).toEqual([
      ['Set-Cookie', expect.stringMatching(/^flyback-c-1-9=/)],
      ['Set-Cookie', '__Host-flyback-c-1-5=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax'],
      ['Set-Cookie', 'flyback-c-1-4=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'],
    ])
  })

  test('of another cluster stays beside it', () => {
    const cookie = 'flyback-other-1-5=1.other.1.5.1'
    expect(linesOf(open(cookieToken(), { cookie }), at(9n))).toHaveLength(1)
  })

  test('is not asked for more than a number of times, however many are sent', () => {
    const cookie = Array.from({ length: 5000 }, (_, index) => {
      const lsn = (index + 1).toString(36)
      return `flyback-c-1-${lsn}=1.c.1.${lsn}.1`
    }).join('; ')
    const given = open(cookieToken(), { cookie }).given()
    expect(given.length).toBeLessThanOrEqual(64)
    // Browsers send the newest last.
    expect(given.at(-1)).toEqual(at(5000n))
  })
})

describe('a header', () => {
  test('holds all that its client has to send from now on, and takes several', () => {
    const carrier = headerToken({ name: 'X-Token', secret: SECRET })
    const sign = (...entries: TokenEntry[]): string =>
      linesOf(open(carrier), ...entries)[0]?.[1] ?? ''
    const token = `${sign(at(5n))}, ${sign(at(7n), at(3n, 'd'))},${sign(at(6n))}`
    const carried = open(carrier, { 'x-token': token })
    expect(carried.given()).toEqual([at(7n), at(3n, 'd')])
    const [[name, value] = ['', '']] = linesOf(carried, at(9n))
    expect(name).toBe('X-Token')
    expect(parseToken(value.slice(0, value.lastIndexOf('.')))).toEqual(
      expect.arrayContaining([at(9n), at(3n, 'd')]),
    )
    expect(linesOf(carried)).toEqual([])
    expect(open(carrier, { 'x-token': printToken([at(5n)]) }).given()).toEqual([])
  })

  test.each([[undefined], [SECRET]])(
    'counts to the last of what many responses at once gave (secret %s)',
    (secret) => {
      const carrier = headerToken(secret === undefined ? {} : { secret })
      const tokens = Array.from({ length: 100 }, (_, index) => {
        const [[, value] = ['', '']] = linesOf(open(carrier), at(BigInt(index + 1)), at(1n, 'd'))
        return value
      })
      const { length, [0]: first } = open(carrier, { 'flyback-token': tokens.join(',') }).given()
      expect([length, first]).toEqual([2, at(100n)])
    },
  )
})

test('a store is asked until it has one, and what it throws, or has instead, is none', () => {
  const kept: unknown[] = []
  let session: (() => unknown) | undefined
  const carrier = storedToken({
    read: () => session?.() as string,
    write: (_request, token) => kept.push(token),
  })
  const tokens = open(carrier)
  session = () => {
    throw new Error('not yet')
  }
  expect(tokens.given()).toEqual([])
  session = () => 5
  expect(tokens.given()).toEqual([])
  session = () => '1.c.1.5.1'
  expect(tokens.given()).toEqual([at(5n)])
  tokens.onCapture?.('1.c.1.6.1')
  expect(kept).toEqual(['1.c.1.6.1'])
})

test('a store that fails does not fail the write: a warning says what is not kept, without the token', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const carrier = storedToken({
    read: () => undefined,
    write() {
      throw new Error('full')
    },
  })
  open(carrier).onCapture?.('1.c.1.6.1')
  const warning = await warned
  expect(warning.message).toContain('storedToken.write threw')
  expect(warning.message).not.toContain('1.c.1')
})

test('rule 22: a store that promises, and fails, raises no unhandled rejection', async () => {
  const carrier = storedToken({
    read: () => undefined,
    write: () => Promise.reject(new Error('full')),
  })
  const rejected: unknown[] = []
  const note = (reason: unknown): void => void rejected.push(reason)
  process.on('unhandledRejection', note)
  try {
    open(carrier).onCapture?.('1.c.1.6.1')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(rejected).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test.each([
  ['primary', PRIMARY],
  ['replica', REPLICA],
])(
  'rule 15: a response that answers every client has the token of none, in role %s',
  async (_role, env) => {
    const nothing = new Response(null, { status: 204 })
    let lsn = 5n
    const handler = withFlyback(
      () => {
        if (lsn > 0n) scope().tokens.add(at(lsn))
        return nothing
      },
      { env },
    )
    const cookies = async (): Promise<string[]> =>
      (await handler(new Request('http://app/'))).headers.getSetCookie()
    expect(await cookies()).toEqual([expect.stringContaining('flyback-c-1-5=')])
    lsn = 6n
    expect(await cookies()).toEqual([expect.stringContaining('flyback-c-1-6=')])
    lsn = 0n
    expect(await cookies()).toEqual([])
  },
)

test.each<readonly [what: string, headers: OutgoingHttpHeaders | OutgoingHttpHeader[]]>([
  ['an object', { 'set-cookie': ['a=1', 'b=2'], 'x-more': '7', 'x-none': [] }],
  ['names and values by turns', ['set-cookie', ['a=1', 'b=2'], 'x-more', '7']],
  ['names that come twice', ['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-more', '7']],
])('HTTP/2: what writeHead is given as %s goes out with the token', async (_what, headers) => {
  const server = http2.createServer((req, res) => {
    const request = req as unknown as IncomingMessage
    const response = res as unknown as ServerResponse
    flyback({ env: PRIMARY })(request, response, () => {
      scope().tokens.add(at(5n))
      response.writeHead(200, headers as OutgoingHttpHeaders)
      response.end('ok')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = http2.connect(`http://127.0.0.1:${port}`)
  const stream = client.request({ ':path': '/' })
  stream.resume()
  const [received] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
  expect(received['set-cookie']).toEqual(['a=1', 'b=2', expect.stringContaining('flyback-c-1-5=')])
  expect(received).toMatchObject({ 'x-more': '7', 'cache-control': 'private' })
  expect(received).not.toHaveProperty('x-none')
  client.close()
  server.close()
})

test.each([
  [undefined, 'private'],
  ['', 'private'],
  ['public, max-age=60', 'private, max-age=60'],
  ['max-age=60, s-maxage=600, proxy-revalidate', 'private, max-age=60'],
  ['no-store', 'no-store'],
  ['no-cache', 'private, no-cache'],
  ['Private', 'Private'],
  ['private="set-cookie", max-age=1', 'private, private="set-cookie", max-age=1'],
])('Cache-Control %j becomes %j', (given, expected) => {
  expect(privateCacheControl(given)).toBe(expected)
})

test('several lines of Cache-Control become one', async () => {
  await using server = await startServer((req, res) => {
    flyback({ env: PRIMARY })(req, res, () => {
      scope().tokens.add(at(5n))
      res.setHeader('Cache-Control', ['public', 's-maxage=60', 'max-age=5'])
      res.end('ok')
    })
  })
  expect((await server.send('/')).headers['cache-control']).toBe('private, max-age=5')
})

test.each([
  ['primary', PRIMARY],
  ['replica', REPLICA],
])('rule 19: no event of a request tells its token, in role %s', async (_role, env) => {
  using begun = hear('flyback:request:start')
  using ended = hear('flyback:request:end')
  const handler = withFlyback(
    () => {
      scope().tokens.add(at(0xabcdefn))
      return new Response('ok')
    },
    { env, serverTiming: true },
  )
  const cookie = 'flyback-planted-1-zzz=1.planted.1.zzz.1'
  const response = await handler(new Request('http://app/', { headers: { cookie } }))
  await response.text()
  await ended.next()
  expect(response.headers.getSetCookie()).toHaveLength(1)
  expect(response.headers.get('server-timing')).not.toMatch(/planted|zzz/)
  expect(inspect([begun.events, ended.events], { depth: 9 })).not.toMatch(/planted|zzz|1\.c\.1\./)
})
