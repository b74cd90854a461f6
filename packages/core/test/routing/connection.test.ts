import { describe, expect, test } from 'vitest'
import {
  acquireConnection,
  type Connection,
  checkOptions,
  createLink,
  createRouting,
  detectDeployment,
  type EndpointName,
  exposeRouting,
  hasRouting,
  NO_RETRY,
  originOf,
  parseToken,
  refusalBeforeSending,
  routingOf,
  Scope,
} from '../../src/index.js'
import { clusterHash } from '../../src/tokens/cluster-hash.js'
import { KnownConnection } from '../known-connection.js'

const deployment = detectDeployment({ FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' })
const routing = createRouting(deployment, {}, { cluster: 'c', hasReplica: true })
const refused = () => Object.assign(new Error('no'), { code: '25006', severity: 'ERROR' })
const open = () => new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })

/** A connection whose server announced its role. */
function announced(endpoint: EndpointName, standby: boolean, link = createLink(routing, endpoint)) {
  const connection = new KnownConnection(link)
  connection.learn('in_hot_standby', standby ? 'on' : 'off')
  return connection
}

describe('the origin of an error', () => {
  test('is the connection it was judged on, however it was wrapped since', () => {
    const connection = announced('replica', true)
    const error = Object.assign(new Error('gone'), { code: '57P01', severity: 'FATAL' })
    connection.judge(undefined, NO_RETRY, error)
    expect(originOf(error)).toBe(connection)
    expect(originOf(new Error('outer', { cause: error }))).toBe(connection)
  })

  test('of any other value is unknown', () => {
    for (const value of [undefined, null, 'text', new Error('x'), { cause: {} }]) {
      expect(originOf(value)).toBeUndefined()
    }
  })
})

describe('a connection', () => {
  test('of a writer endpoint that announces a standby outdates those opened before it', () => {
    const link = createLink(routing, 'writer')
    const older = new KnownConnection(link)
    announced('writer', true, link)
    expect(older.outdated).toBe(true)
    expect(new KnownConnection(link).outdated).toBe(false)
  })

  test('to a promoted replica leads to a writer: what runs on it makes its scope forward', () => {
    const scope = open()
    const connection = announced('replica', false)
    connection.beginSending(scope)
    expect([connection.leadsTo, scope.state]).toEqual(['writer', 'forwarding'])
  })

  test('remembers the refusal of its transaction until the next begins', () => {
    const connection = announced('replica', true)
    connection.judge(undefined, NO_RETRY, refused())
    expect(connection.firstRefusal).toMatchObject({ reason: 'write' })
    connection.status = 'T'
    connection.beginSending(undefined)
    expect(connection.firstRefusal).toBeDefined()
    connection.busy = false
    connection.status = 'I'
    connection.beginSending(undefined)
    expect(connection.firstRefusal).toBeUndefined()
  })

  test('to a read-only primary goes once a second, to find out whether that is over', () => {
    const link = createLink(routing, 'writer')
    const readOnly = () => {
      const connection = announced('writer', false, link)
      connection.learn('default_transaction_read_only', 'on')
      connection.judge(undefined, NO_RETRY, refused())
      return connection
    }
    expect([readOnly(), readOnly(), readOnly()].map((one) => one.mustGo())).toEqual([
      true,
      false,
      false,
    ])
  })

  test('a transaction that a refused scope left open is seen by the next scope, not by its own', () => {
    const connection = announced('replica', true)
    const [one, other] = [open(), open()]
    connection.beginSending(one)
    connection.busy = false
    connection.status = 'T'
    expect(connection.isLeftOpen(other), 'it is not refused yet').toBe(false)
    one.refuse('ewr', 'write')
    expect([undefined, one, other].map((scope) => connection.isLeftOpen(scope))).toEqual([
      true,
      false,
      true,
    ])
    connection.status = 'I'
    expect(connection.isLeftOpen(other)).toBe(false)
  })

  test('what ends a transaction is sent although the scope forwards meanwhile; nothing else is', () => {
    const connection = announced('replica', true)
    const scope = open()
    connection.beginSending(scope)
    connection.status = 'T'
    scope.enterWriter('c')
    expect(refusalBeforeSending(connection, scope, 'rollback')).toBeUndefined()
    expect(refusalBeforeSending(connection, scope, 'commit; select 1')).toMatchObject({
      reason: 'mixed-reads',
    })
  })

  test('rule 16: that was reclaimed sends nothing more, and is destroyed', async () => {
    const connection = announced('replica', true)
    const scope = open()
    let destroyed = false
    connection.lend(scope, () => {
      destroyed = true
    })
    const refusal = scope.refuse('ewr', 'write')
    scope.end()
    await Promise.resolve()
    expect(destroyed).toBe(true)
    expect(refusalBeforeSending(connection, undefined, 'select 1')).toBe(refusal)
  })
})

describe('acquiring', () => {
  function source(connections: readonly (Connection | Error)[]) {
    const asked: EndpointName[] = []
    const released: (true | undefined)[] = []
    let next = 0
    return {
      asked,
      released,
      async connect(endpoint: EndpointName) {
        asked.push(endpoint)
        const given = connections[next++]
        if (given instanceof Error || given === undefined) throw given ?? new Error('no more')
        return given
      },
      connectionOf: (connection: Connection) => connection,
      release(_connection: Connection, destroy?: true) {
        released.push(destroy)
      },
      neverConnected: () => false,
    }
  }
  const ask = { scope: undefined, endpoint: 'replica', hint: 'none', attempt: 0 } as const

  test('takes a connection that may serve', async () => {
    const replica = announced('replica', true)
    expect(await acquireConnection(routing, source([replica]), ask)).toBe(replica)
  })

  test('goes to the writer when the replica refuses connections', async () => {
    const writer = announced('writer', false)
    const down = Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
    const from = source([down, writer])
    expect(await acquireConnection(routing, from, ask)).toBe(writer)
    expect(from.asked).toEqual(['replica', 'writer'])
  })

  test('destroys what is outdated and asks again', async () => {
    const link = createLink(routing, 'writer')
    const old = new KnownConnection(link)
    announced('writer', true, link)
    const fresh = announced('writer', false, link)
    const from = source([old, fresh])
    expect(await acquireConnection(routing, from, { ...ask, endpoint: 'writer' })).toBe(fresh)
    expect(from.released).toEqual([true])
  })

  test('gives back, unused, what a scope refused meanwhile had waited for', async () => {
    const scope = open()
    const refusal = scope.refuse('ewr', 'write')
    const from = source([announced('replica', true)])
    await expect(acquireConnection(routing, from, { ...ask, scope })).rejects.toBe(refusal)
    expect(from.released).toEqual([undefined])
  })

  test.each([
    { says: 'an error, as while it shuts down', answer: new Error('terminating'), retired: 0 },
    { says: 'a position of a standby', answer: ['true', '0/5', '0/5', 'on'], retired: 0 },
    { says: 'where the primary is', answer: ['false', '0/5', '0/5', 'on'], retired: 1 },
  ])('rule 11: a writer that answers with $says retires $retired', async ({ answer, retired }) => {
    const near = detectDeployment({ FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' })
    const primary = createRouting(near, {}, { cluster: 'd', hasReplica: true })
    const writer = announced('writer', false, createLink(primary, 'writer'))
    const cluster = clusterHash('1')
    Object.assign(writer.proof, { cluster, timeline: 2, lsn: 5n })
    writer.answer = answer
    const token = parseToken(`1.${cluster}.2.z.1`)
    const scope = new Scope({ role: 'primary', primaryRegion: 'ewr', canReplay: false, token })
    const asked = { ...ask, scope, endpoint: 'writer' as const } // a literal of the union
    expect(await acquireConnection(primary, source([writer]), asked)).toBe(writer)
    expect(writer.asked).toHaveLength(1)
    expect(scope.tokens.retired.size).toBe(retired)
  })
})

describe('options', () => {
  test.each([
    ['whenReplicaDown', { whenReplicaDown: 'sometimes' }],
    ['advisoryLocks', { advisoryLocks: 'maybe' }],
    ['writerDeadlineMs', { writerDeadlineMs: -1 }],
    ['writerDeadlineMs', { writerDeadlineMs: Number.NaN }],
    ['writerDeadlineMs', { writerDeadlineMs: '5000' }],
    ['replicaUrl', { replicaUrl: 5 }],
    ['replicaUrl', { replicaUrl: null }],
    ['rewriteLoopback', { rewriteLoopback: 'false' }],
    ['locator', { locator: {} }],
    ['env', { env: 'FLY_REGION=iad' }],
  ])('a value of %s that is none is refused by name', (name, options) => {
    // As a user of JavaScript may write them.
    expect(() => checkOptions(options as object)).toThrow(new RegExp(`^flyback\\.${name} must`))
  })

  test('a name that is no option is refused, and so is what is no object', () => {
    expect(() => checkOptions({ whenReplicaIsDown: 'fail' } as object)).toThrow(/is no option/)
    // As a user of JavaScript may write it.
    expect(() => checkOptions(null as unknown as object)).toThrow(/^flyback must be an object/)
  })

  test('good values and absent ones pass', () => {
    expect(() => checkOptions({ whenReplicaDown: 'fail', writerDeadlineMs: 0 })).not.toThrow()
    expect(() => checkOptions({})).not.toThrow()
  })
})

test('rule 1: contact with the writer ends replay also when a locator has made this the primary region', () => {
  let primary = 'ewr'
  const { router } = createRouting(
    deployment,
    { locator: { locate: () => primary } },
    { cluster: 'c', hasReplica: true },
  )
  const scope = open()
  expect(router.choose(scope, 'none')).toBe('replica')
  primary = 'iad'
  expect(router.choose(scope, 'none')).toBe('writer')
  expect(scope.state).toBe('forwarding')
  expect(scope.refuse('ewr', 'write').replayable).toBe(false)
})

test('routing is shown by what has it, and printed by nothing', () => {
  const [pool, single] = [{}, {}]
  exposeRouting(pool, routing)
  exposeRouting(single, undefined)
  expect([routingOf(pool), routingOf(single), routingOf({})]).toEqual([
    routing,
    undefined,
    undefined,
  ])
  expect([hasRouting(pool), hasRouting(single), hasRouting({})]).toEqual([true, true, false])
  expect(JSON.stringify(pool) + Object.keys(pool).length).toBe('{}0')
})
