import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope } from '@flyback/core/scope'
import { expect, test } from 'vitest'
import { type FlybackOptions, findReplayRequired, fly, runOnPrimary } from '../src/index.js'
import { createNodeBase } from '../src/node-base.js'
import type { Policy } from '../src/policy.js'
import { refuse, scope } from './support/contract.js'
import { NO_PLATFORM, PRIMARY, REPLICA } from './support/environments.js'
import { startServer, type TestServer } from './support/node-server.js'

interface Plan {
  readonly policy?: Policy | undefined
  readonly options?: FlybackOptions<IncomingMessage>
  /** What runs before the policy is known. */
  readonly before?: (res: ServerResponse) => unknown
  readonly undecided?: boolean
}

/** A server whose requests are decided once they run. */
function serve({ policy, options, before, undecided = true }: Plan): Promise<TestServer> {
  const base = createNodeBase({ env: REPLICA, ...options }, (req: IncomingMessage) => ({ req }))
  return startServer((req, res) => {
    base(req, res, {
      undecided: () => undecided,
      async run(served) {
        await before?.(res)
        try {
          const refusal = served?.decide(policy)
          res.statusCode = refusal?.status ?? 200
          res.end(`${refusal === undefined ? 'ran' : 'refused'} ${currentScope()?.state}`)
        } catch (error) {
          // As a framework whose own error handler got there first.
          res.statusCode = 500
          res.end(findReplayRequired(error) ? 'replay' : String(error))
        }
      },
      fail: (error) => res.end(String(error)),
    })
  })
}

const REPLAY = 'region=ewr;state=flyback.1.'

test.each<[method: string, policy: Policy | undefined, gives: string]>([
  ['POST', undefined, 'method'],
  ['POST', 'replay', 'route'],
  ['POST', 'attempt', 'ran open'],
  ['POST', 'forward', 'ran forwarding'],
  ['GET', undefined, 'ran open'],
  ['GET', 'replay', 'route'],
  ['GET', 'attempt', 'ran open'],
  ['GET', 'forward', 'ran forwarding'],
])('an undecided %s whose policy turns out to be %s gets: %s', async (method, policy, gives) => {
  await using server = await serve({ policy })
  const { status, body, headers } = await server.send('/', { method })
  const replay = String(headers['fly-replay'] ?? '')
  if (gives.startsWith('ran')) expect([status, body, replay]).toEqual([200, gives, ''])
  else {
    expect([status, body]).toEqual([409, ''])
    expect(replay).toContain(`${REPLAY}${gives};`)
  }
})

test('the policy of a route is said over a rule, and the rule holds for a route without one', async () => {
  const options = { routes: [{ policy: 'forward' as const }] }
  await using ruled = await serve({ options })
  expect((await ruled.send('/', { method: 'POST' })).body).toBe('ran forwarding')
  await using said = await serve({ options, policy: 'attempt' })
  expect((await said.send('/', { method: 'POST' })).body).toBe('ran open')
})

test('a request that was decided at once can still be decided otherwise', async () => {
  await using server = await serve({ policy: 'replay', undecided: false })
  expect((await server.send('/')).headers['fly-replay']).toContain(`${REPLAY}route;`)
})

test('rule 3: in the primary region every decision lets the handler run', async () => {
  await using server = await serve({ policy: 'replay', options: { env: PRIMARY } })
  expect((await server.send('/', { method: 'POST' })).body).toBe('ran open')
})

test('without a platform a decision to replay forwards', async () => {
  await using server = await serve({ policy: 'replay', options: { env: NO_PLATFORM } })
  expect((await server.send('/')).body).toBe('ran forwarding')
})

test('rule 1: what wrote on the primary before the decision is not replayed by it', async () => {
  await using server = await serve({ policy: 'replay', before: () => runOnPrimary(() => 1) })
  expect((await server.send('/', { method: 'POST' })).body).toBe('ran forwarding')
})

test('rule 1: what was refused before the decision does not go on, whatever the policy', async () => {
  await using server = await serve({ policy: 'forward', before: () => void refuse() })
  expect((await server.send('/', { method: 'POST' })).headers['fly-replay']).toContain(
    `${REPLAY}write;`,
  )
})

test('rule 5: a decision to replay comes too late for a response that has begun', async () => {
  const before = (res: ServerResponse) => new Promise((done) => res.write('begun, ', done))
  await using server = await serve({ policy: 'replay', before })
  expect(await server.send('/')).toMatchObject({ status: 200, body: 'begun, ran open' })
})

test('rule 2: an undecided request that came back is refused by option, unless it is to be forwarded', async () => {
  const options = { whenNotReplayable: 'fail' as const }
  const headers = { 'fly-replay-src': 'state=flyback.1.write' }
  await using attempted = await serve({ options, policy: 'attempt' })
  expect(await attempted.send('/', { headers })).toMatchObject({
    status: 503,
    body: 'refused forwarding',
  })
  await using forwarded = await serve({ options, policy: 'forward' })
  expect((await forwarded.send('/', { headers })).body).toBe('ran forwarding')
})

test.each([
  ['of known length', 'x'.repeat(11)],
  ['in chunks', ['x'.repeat(10), 'x']],
])(
  'an undecided body over the limit, %s, is refused by option, unless it is to be forwarded',
  async (_name, body) => {
    const options = { platform: fly({ maxBodyBytes: 10 }), whenNotReplayable: 'fail' as const }
    await using replayed = await serve({ options })
    expect((await replayed.send('/', { method: 'POST', body })).status).toBe(413)
    await using forwarded = await serve({ options, policy: 'forward' })
    expect((await forwarded.send('/', { method: 'POST', body })).body).toBe('ran forwarding')
  },
)

test('until it is decided a request is open, and can be replayed', async () => {
  await using server = await serve({
    policy: 'forward',
    before: () => expect(scope()).toMatchObject({ state: 'open', replayable: true }),
  })
  expect((await server.send('/', { method: 'POST' })).body).toBe('ran forwarding')
})
