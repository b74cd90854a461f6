import {
  Connection,
  createLink,
  createRouting,
  detectDeployment,
  NO_RETRY,
  PrimaryUnavailable,
} from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { withFlyback } from '../src/fetch.js'
import { type FlybackOptions, requirePrimary } from '../src/index.js'
import { PRIMARY, REPLICA } from './support/environments.js'
import { startTelemetry } from './support/telemetry.js'

const url = 'http://app.test/orders/7?secret=query'
const serverError = (code: string): Error =>
  Object.assign(new Error('secret message'), { code, severity: 'ERROR', detail: 'secret row' })

/** A connection to a member, as adapters use it. */
function connectionTo(standby: boolean): Connection {
  const routing = createRouting(
    detectDeployment(REPLICA),
    {},
    {
      cluster: 'c',
      hasReplica: true,
      servers: {
        writer: { address: 'writer.db', port: 5432, database: 'shop' },
        replica: { address: 'replica.db', port: 5433, database: 'shop' },
      },
    },
  )
  const connection = new (class extends Connection {
    override ask = (): Promise<readonly unknown[]> => Promise.resolve([])
  })(createLink(routing, standby ? 'replica' : 'writer'))
  connection.learn('in_hot_standby', standby ? 'on' : 'off')
  return connection
}

/** Sends a statement, and hears its answer: an error of this code, or none. */
function run(connection: Connection, code?: string, retryable = false): void {
  const scope = currentScope()
  const told = connection.beginSending(scope)
  if (code === undefined) connection.endSending(scope, told)
  else connection.judge(scope, { ...NO_RETRY, retryable }, serverError(code), told)
}

async function serve(
  handler: () => Response | Promise<Response>,
  options: FlybackOptions<Request> = { env: REPLICA },
  init: RequestInit = {},
): Promise<Response | undefined> {
  return await withFlyback(handler, options)(new Request(url, init)).catch(() => undefined)
}

const named = (spans: ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name)
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId

describe('the span of a request', () => {
  test('says where it was handled, and why', async () => {
    await using telemetry = startTelemetry()
    await serve(() => {
      run(connectionTo(true))
      return new Response('fine')
    })
    const [span] = named(telemetry.spans(), 'flyback.request')
    expect(span?.kind).toBe(SpanKind.INTERNAL)
    expect(span?.status.code).toBe(SpanStatusCode.UNSET)
    expect(span?.attributes).toStrictEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': '/orders/7',
      'flyback.region': 'syd',
      'flyback.primary_region': 'ewr',
      'flyback.role': 'replica',
      'flyback.origin.replayed': false,
      'flyback.origin.cached': false,
      'flyback.origin.failed': false,
      'flyback.policy': 'attempt',
      'flyback.policy.by': 'method',
      'flyback.outcome': 'served',
      'flyback.reason': 'local',
      'flyback.answered_by': 'replica',
      'flyback.completed': true,
    })
  })

  test('is inside the span that is active, and beside it for what the app does in spans of its own', async () => {
    await using telemetry = startTelemetry()
    const { tracer } = telemetry
    await tracer.startActiveSpan('server', { kind: SpanKind.SERVER }, async (server) => {
      await serve(() => {
        run(connectionTo(true))
        tracer.startActiveSpan('of the app', (own) => {
          run(connectionTo(true))
          own.end()
        })
        expect(trace.getActiveSpan()).toBe(server)
        return new Response()
      })
      server.end()
    })
    const spans = telemetry.spans()
    const [request] = named(spans, 'flyback.request')
    const [server] = named(spans, 'server')
    const [own] = named(spans, 'of the app')
    const [direct, nested] = named(spans, 'flyback.statement')
    expect(request?.parentSpanContext?.spanId).toBe(idOf(server))
    expect(own?.parentSpanContext?.spanId).toBe(idOf(server))
    expect(direct?.parentSpanContext?.spanId).toBe(idOf(request))
    expect(nested?.parentSpanContext?.spanId).toBe(idOf(own))
  })

  test('is a root when nothing is active, and statements are inside it', async () => {
    await using telemetry = startTelemetry()
    await serve(() => {
      run(connectionTo(true))
      return new Response()
    })
    const [request] = named(telemetry.spans(), 'flyback.request')
    const [statement] = named(telemetry.spans(), 'flyback.statement')
    expect(request?.parentSpanContext).toBeUndefined()
    expect(statement?.parentSpanContext?.spanId).toBe(idOf(request))
  })

  test('is an error for an answer of 500 and above, not for a replay', async () => {
    await using telemetry = startTelemetry()
    await serve(() => new Response('', { status: 503 }))
    await serve(() => {
      requirePrimary()
      return new Response()
    })
    await serve(() => new Response('', { status: 404 }))
    const spans = named(telemetry.spans(), 'flyback.request')
    expect(spans.map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
      [SpanStatusCode.ERROR, '503'],
      [SpanStatusCode.UNSET, undefined],
      [SpanStatusCode.UNSET, undefined],
    ])
    expect(spans[1]?.attributes).toMatchObject({
      'flyback.outcome': 'replayed',
      'flyback.reason': 'required',
    })
  })

  test('has no method that a client made up', async () => {
    await using telemetry = startTelemetry()
    await serve(() => new Response(), { env: PRIMARY }, { method: 'SECRET' })
    const [span] = named(telemetry.spans(), 'flyback.request')
    expect(span?.attributes['http.request.method']).toBe('_OTHER')
  })
})

describe('the span of a statement', () => {
  test('says where it went, which member that is, and why', async () => {
    await using telemetry = startTelemetry()
    await serve(() => {
      run(connectionTo(true))
      return new Response()
    })
    const [span] = named(telemetry.spans(), 'flyback.statement')
    expect(span?.kind, "the CLIENT span is the driver's").toBe(SpanKind.INTERNAL)
    expect(span?.attributes).toStrictEqual({
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'server.address': 'replica.db',
      'server.port': 5433,
      'flyback.endpoint': 'replica',
      'flyback.member.role': 'replica',
      'flyback.reason': 'local',
      'flyback.attempt': 0,
      'flyback.outcome': 'answered',
    })
  })

  test.each([
    ['refused', true, '25006', false, SpanStatusCode.UNSET, undefined],
    ['retried', true, '40001', true, SpanStatusCode.UNSET, undefined],
    ['failed', true, '42601', false, SpanStatusCode.ERROR, '42601'],
    ['failed', true, 'ECONNRESET', false, SpanStatusCode.ERROR, 'flyback.failed'],
    ['primary-unavailable', false, '25006', false, SpanStatusCode.ERROR, '25006'],
  ])(
    '%s (%s, %s): its status and its code',
    async (outcome, standby, code, retryable, status, type) => {
      await using telemetry = startTelemetry()
      const connection = connectionTo(standby)
      if (!standby) connection.learn('default_transaction_read_only', 'on')
      await serve(() => {
        run(connection, code, retryable)
        return new Response()
      })
      const [span] = named(telemetry.spans(), 'flyback.statement')
      expect(span?.status.code).toBe(status)
      expect(span?.attributes).toMatchObject({ 'flyback.outcome': outcome })
      expect(span?.attributes['error.type']).toBe(type)
      expect(span?.attributes['db.response.status_code']).toBe(
        code === 'ECONNRESET' ? undefined : code,
      )
    },
  )

  test('is left out by option, and its request has one all the same', async () => {
    await using telemetry = startTelemetry({ statementSpans: false })
    await serve(() => {
      run(connectionTo(true))
      return new Response()
    })
    expect(telemetry.spans().map(({ name }) => name)).toEqual(['flyback.request'])
    expect(await telemetry.points('flyback.statements')).toHaveLength(1)
  })
})

describe('metrics', () => {
  const here = { 'flyback.region': 'syd', 'flyback.role': 'replica' }

  test('count requests by what became of them', async () => {
    await using telemetry = startTelemetry()
    await serve(() => new Response())
    await serve(() => new Response())
    await serve(() => new Response(), { env: REPLICA }, { method: 'POST' })
    const served = { ...here, 'flyback.outcome': 'served', 'flyback.reason': 'local' }
    const replayed = { ...here, 'flyback.outcome': 'replayed', 'flyback.reason': 'method' }
    for (const metric of ['flyback.requests', 'flyback.request.duration']) {
      expect(await telemetry.points(metric)).toEqual([
        [served, 2],
        [replayed, 1],
      ])
    }
    expect(await telemetry.points('flyback.replays')).toStrictEqual([
      [{ ...here, 'flyback.reason': 'method', 'http.request.method': 'POST' }, 1],
    ])
  })

  test.each([
    ['fly-replay-src', 'state=flyback.1.write', 'replayed'],
    ['fly-replay-cache-status', 'hit', 'cached'],
    ['fly-replay-failed', 'no_candidate', 'failed'],
  ])('count what the loop guard stopped: %s', async (name, value, origin) => {
    await using telemetry = startTelemetry()
    const init = { method: 'POST', headers: { [name]: value } }
    await serve(() => new Response(), { env: REPLICA }, init)
    await serve(() => new Response(), { env: PRIMARY }, init)
    expect(await telemetry.points('flyback.loop_guard.hits')).toEqual([
      [{ ...here, 'flyback.origin': origin, 'flyback.outcome': 'forwarded' }, 1],
    ])
  })

  test('count refusals, retries, statements and what the primary could not take', async () => {
    await using telemetry = startTelemetry()
    await serve(() => {
      run(connectionTo(true))
      run(connectionTo(true), '40001', true)
      run(connectionTo(true), '25006')
      return new Response()
    })
    const broken = connectionTo(false)
    broken.note(new PrimaryUnavailable({ reason: 'standby' }), undefined)
    expect(await telemetry.points('flyback.refusals')).toEqual([
      [{ 'flyback.reason': 'write', 'flyback.replayable': true }, 1],
    ])
    expect(await telemetry.points('flyback.retries')).toEqual([
      [{ 'flyback.reason': 'recovery-conflict', 'flyback.endpoint': 'replica' }, 1],
    ])
    expect(await telemetry.points('flyback.primary_unavailable')).toEqual([
      [{ 'flyback.reason': 'standby' }, 1],
    ])
    const there = { 'flyback.endpoint': 'replica', 'flyback.member.role': 'replica' }
    expect(await telemetry.points('flyback.statements')).toEqual(
      ['answered', 'retried', 'refused'].map((outcome) => [
        { ...there, 'flyback.outcome': outcome, 'flyback.reason': 'local' },
        1,
      ]),
    )
    expect(await telemetry.points('flyback.statement.duration')).toHaveLength(3)
  })

  test('have units', async () => {
    await using telemetry = startTelemetry()
    await serve(() => {
      run(connectionTo(true), '25006')
      return new Response()
    })
    expect(await telemetry.units()).toEqual({
      'flyback.requests': '{request}',
      'flyback.request.duration': 's',
      'flyback.replays': '{request}',
      'flyback.refusals': '{refusal}',
      'flyback.statements': '{statement}',
      'flyback.statement.duration': 's',
    })
  })
})

test('ends when told to', async () => {
  await using telemetry = startTelemetry()
  telemetry.stop()
  await serve(() => new Response())
  expect(telemetry.spans()).toEqual([])
  expect(await telemetry.points('flyback.requests')).toEqual([])
})

test('rule 19: spans and metrics carry nothing of a query string, an error or a header', async () => {
  await using telemetry = startTelemetry()
  const headers = { cookie: 'secret=1', authorization: 'secret' }
  for (const code of ['25006', '42601', '40001']) {
    await serve(
      () => {
        run(connectionTo(true), code)
        throw serverError(code)
      },
      { env: REPLICA },
      { headers },
    )
  }
  const told = telemetry
    .spans()
    .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))
  expect(told.length).toBeGreaterThan(5)
  const points = await telemetry.points('flyback.requests')
  expect(JSON.stringify([told, points])).not.toContain('secret')
})
