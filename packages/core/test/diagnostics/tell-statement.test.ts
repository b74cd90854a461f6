import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, describe, expect, test } from 'vitest'
import {
  acquireConnection,
  type Connection,
  createLink,
  createRouting,
  detectDeployment,
  type EndpointName,
  type FlybackEvents,
  type ForwardReason,
  locateDatabase,
  NO_RETRY,
  observe,
  type RequestStarted,
  Scope,
  type StatementStarted,
  targetEndpoints,
} from '../../src/index.js'
import { requirePrimary, runInScope } from '../../src/scope.js'
import { KnownConnection } from '../known-connection.js'

const IAD = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
const REQUEST: RequestStarted = {
  region: 'iad',
  primaryRegion: 'ewr',
  role: 'replica',
  method: 'GET',
  path: '/',
  policy: 'attempt',
  policyBy: 'method',
  origin: { replayed: false, cached: false, failed: false },
}
const SECRET_URL = 'postgres://secretuser:secretpassword@top1.nearest.of.db.internal:5432/shop'
const serverError = (code: string) =>
  Object.assign(new Error('secret message'), { code, severity: 'ERROR', detail: 'secret row' })

type Heard = {
  [Name in keyof FlybackEvents]: { name: Name; event: FlybackEvents[Name] }
}[keyof FlybackEvents]
const stops: (() => void)[] = []

/** Everything told from now on, in its order. */
function hear(...names: (keyof FlybackEvents)[]): Heard[] {
  const heard: Heard[] = []
  const all = [
    'flyback:statement:start',
    'flyback:statement:end',
    'flyback:refusal',
    'flyback:retry',
    'flyback:primary-unavailable',
  ] as const
  for (const name of names.length > 0 ? names : all) {
    // `name` and what it carries come from one line of the map.
    stops.push(observe(name, (event) => void heard.push({ name, event } as Heard)))
  }
  return heard
}

function routingAt(env: Record<string, string>, hasReplica = true, whenReplicaDown = 'forward') {
  const deployment = detectDeployment(env)
  const source = locateDatabase({ url: SECRET_URL }, env)
  const { servers } = targetEndpoints(source, deployment, { env })
  return createRouting(
    deployment,
    { whenReplicaDown: whenReplicaDown === 'replay' ? 'replay' : 'forward' },
    {
      cluster: 'c',
      hasReplica,
      servers,
    },
  )
}

const ROUTING = routingAt(IAD)
const open = (forward: boolean | ForwardReason = false) =>
  new Scope({
    role: 'replica',
    primaryRegion: 'ewr',
    canReplay: forward === false,
    forward,
    request: REQUEST,
  })

function announced(endpoint: EndpointName, standby: boolean, routing = ROUTING) {
  const connection = new KnownConnection(createLink(routing, endpoint))
  connection.learn('in_hot_standby', standby ? 'on' : 'off')
  return connection
}

afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

describe('a statement', () => {
  test('is not told when nobody listens', () => {
    expect(announced('replica', true).beginSending(open())).toBeUndefined()
  })

  test('is told as it goes out and when it is answered, as one object', () => {
    const heard = hear()
    const connection = announced('replica', true)
    const scope = open()
    const told = connection.beginSending(scope)
    expect(heard).toEqual([
      {
        name: 'flyback:statement:start',
        event: {
          request: REQUEST,
          endpoint: 'replica',
          reason: 'local',
          attempt: 0,
          member: 'replica',
          memberBy: 'announced',
          serverAddress: 'top1.nearest.of.db.internal',
          serverPort: 5433,
          database: 'shop',
        },
      },
    ])
    connection.endSending(scope, told)
    connection.endSending(scope, told)
    expect(heard).toHaveLength(2)
    expect(heard[1]?.event).toBe(heard[0]?.event)
    expect(heard[1]?.event).toMatchObject({
      request: REQUEST,
      outcome: 'answered',
      sqlstate: undefined,
    })
    expect(Reflect.get(heard[1]?.event ?? {}, 'durationMs')).toBeGreaterThanOrEqual(0)
    expect(scope.answeredBy).toBe('replica')
  })

  test('is told in the context of its caller, whichever context its answer arrives in', () => {
    const caller = new AsyncLocalStorage<string>()
    const contexts: unknown[] = []
    for (const name of ['flyback:statement:start', 'flyback:statement:end'] as const) {
      stops.push(observe(name, () => void contexts.push(caller.getStore())))
    }
    const connection = announced('replica', true)
    const told = caller.run('caller', () => connection.beginSending(undefined))
    caller.run('socket', () => connection.endSending(undefined, told))
    expect(contexts).toEqual(['caller', 'caller'])
  })

  test.each<[StatementStarted['reason'], () => [Connection, Scope | undefined]]>([
    ['local', () => [announced('replica', true), undefined]],
    [
      'primary-region',
      () => [announced('writer', false, routingAt({ ...IAD, FLY_REGION: 'ewr' })), undefined],
    ],
    ['policy', () => [announced('writer', false), open('policy')]],
    ['came-back', () => [announced('writer', false), open('came-back')]],
    ['asked', () => [announced('writer', false), open()]],
    ['promoted', () => [announced('replica', false), open()]],
    ['promoted', () => [announced('replica', false), undefined]],
    ['no-replica', () => [announced('writer', false, routingAt(IAD, false)), undefined]],
    ['unscoped', () => [announced('writer', false), undefined]],
  ])('goes where it goes because: %s', (reason, make) => {
    const heard = hear('flyback:statement:start')
    const [connection, scope] = make()
    connection.beginSending(scope)
    expect(heard).toMatchObject([{ event: { reason } }])
  })

  test('keeps the first reason its request forwards for', () => {
    const heard = hear('flyback:statement:start')
    const scope = open()
    expect(ROUTING.router.choose(scope, 'primary')).toBe('writer')
    scope.forwardAll()
    announced('replica', false).beginSending(scope)
    expect(heard).toMatchObject([{ event: { reason: 'asked' } }])
    expect(scope.forwardReason).toBe('asked')
  })

  test.each([
    ['refused', '25006', announced('replica', true), '25006'],
    ['failed', '42601', announced('replica', true), '42601'],
    ['retried', '40001', announced('replica', true), '40001'],
    ['primary-unavailable', '25006', announced('writer', true), '25006'],
    ['failed', 'ECONNRESET', announced('writer', false), undefined],
  ])('ends as %s, with the code of the server (%s)', (outcome, code, connection, sqlstate) => {
    const heard = hear('flyback:statement:end')
    const scope = open()
    const told = connection.beginSending(scope, 1)
    connection.judge(scope, { retryable: true, attempt: 0 }, serverError(code), told)
    expect(heard).toMatchObject([{ event: { outcome, sqlstate, attempt: 1 } }])
    expect(scope.answeredBy).toBe(
      sqlstate === undefined ? 'none' : connection.facts.inHotStandby ? 'replica' : 'primary',
    )
  })
})

describe('a refusal', () => {
  test('is told once, however often it is thrown', () => {
    const heard = hear('flyback:refusal')
    const scope = open()
    const connection = announced('replica', true)
    connection.judge(scope, NO_RETRY, serverError('25006'))
    expect(() => ROUTING.router.choose(scope, 'none')).toThrow(
      expect.objectContaining({ reason: 'write' }),
    )
    expect(heard).toEqual([
      {
        name: 'flyback:refusal',
        event: { request: REQUEST, reason: 'write', region: 'ewr', replayable: true },
      },
    ])
  })

  test('outside of any request is told, and not again when a request adopts it', () => {
    const heard = hear('flyback:refusal')
    const thrown = ROUTING.router.refuse(undefined, 'known-write')
    open().refuse('ewr', thrown.reason, thrown)
    expect(heard).toMatchObject([{ event: { request: undefined, reason: 'known-write' } }])
  })

  test('by requirePrimary is told with its request', () => {
    const heard = hear('flyback:refusal')
    expect(() => runInScope(open(), requirePrimary)).toThrow(
      expect.objectContaining({ reason: 'required' }),
    )
    expect(heard).toMatchObject([{ event: { request: REQUEST, reason: 'required' } }])
  })
})

test('work that runs again is told with its reason, and forwards for it', () => {
  const heard = hear('flyback:retry')
  const scope = open()
  const connection = announced('replica', true)
  const conflict = serverError('40001')
  connection.judge(scope, { retryable: true, attempt: 0 }, conflict)
  connection.judge(scope, { retryable: true, attempt: 1 }, conflict)
  expect(heard).toMatchObject([
    { event: { request: REQUEST, reason: 'recovery-conflict', on: 'replica' } },
    { event: { request: REQUEST, reason: 'recovery-conflict', on: 'writer' } },
  ])
  expect(scope.forwardReason).toBe('recovery-conflict')
})

describe('a primary that cannot serve', () => {
  test('is told once for one error', () => {
    const heard = hear('flyback:primary-unavailable')
    const connection = announced('writer', false)
    connection.learn('default_transaction_read_only', 'on')
    connection.status = 'T'
    const scope = open()
    const { firstRefusal: none } = connection
    connection.judge(scope, NO_RETRY, serverError('25006'))
    const { firstRefusal } = connection
    connection.note(firstRefusal, scope)
    expect(none).toBeUndefined()
    expect(heard).toEqual([
      { name: 'flyback:primary-unavailable', event: { request: REQUEST, reason: 'read-only' } },
    ])
  })

  test('is told when a search for it ends', async () => {
    const heard = hear('flyback:primary-unavailable')
    const deployment = detectDeployment(IAD)
    const routing = createRouting(
      deployment,
      { writerDeadlineMs: 0 },
      { cluster: 'c', hasReplica: true },
    )
    const source = {
      connect: async (endpoint: EndpointName) => announced(endpoint, true),
      connectionOf: (connection: Connection) => connection,
      release: () => {},
      neverConnected: () => false,
    }
    const ask = { scope: open('policy'), endpoint: 'writer', hint: 'none', attempt: 0 } as const
    await expect(acquireConnection(routing, source, ask)).rejects.toMatchObject({
      reason: 'standby',
    })
    expect(heard).toMatchObject([{ event: { request: REQUEST, reason: 'standby' } }])
  })
})

test('rule 19: nothing of a URL but host, port and database, and nothing of an error but its code, is told', () => {
  const heard = hear()
  for (const code of ['25006', '40001', '57P01', 'secretcode']) {
    const connection = announced('replica', true)
    const scope = open()
    const told = connection.beginSending(scope)
    connection.judge(scope, { retryable: true, attempt: 0 }, serverError(code), told)
  }
  const text = JSON.stringify(heard)
  expect(text).toContain('"database":"shop"')
  expect(text).not.toContain('secret')
})
