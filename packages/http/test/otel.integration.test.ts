import { type Regions, serveRegions, sharedLab, type TestDatabase } from '@flyback/testkit'
import { context, SpanKind } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLabApp, envOf, SCHEMA } from './lab-app.js'
import { startTelemetry, type Telemetry } from './support/telemetry.js'

const lab = sharedLab()
let database: TestDatabase
let regions: Regions
let telemetry: Telemetry

beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
  telemetry = startTelemetry()
  traceDriver(telemetry)
  regions = await serveRegions({
    regions: ['ewr', 'syd'],
    serve(region) {
      const { listener, ...app } = createLabApp({ env: envOf(database, region) })
      return {
        ...app,
        // As the instrumentation of HTTP does: a span around all of a request.
        listener: (req, res) =>
          telemetry.serve((span) => {
            res.once('close', () => span.end())
            listener(req, res)
          }),
      }
    },
  })
})
afterAll(async () => {
  await regions[Symbol.asyncDispose]()
  await telemetry[Symbol.asyncDispose]()
  vi.restoreAllMocks()
  await database.drop()
})

/** As the instrumentation of pg does: a CLIENT span of each query, by wrapping the method of the driver's own class. */
function traceDriver({ tracer }: Telemetry): void {
  const { query } = pg.Client.prototype
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function traced(
    this: pg.Client,
    ...args: unknown[]
  ) {
    const span = tracer.startSpan('pg.query', { kind: SpanKind.CLIENT }, context.active())
    const last = args.length - 1
    const callback = args[last]
    if (typeof callback !== 'function') throw new Error('Flyback calls the driver with a callback')
    args[last] = (...answer: unknown[]): unknown => {
      span.end()
      return Reflect.apply(callback, undefined, answer)
    }
    return Reflect.apply(query, this, args)
  })
}

const idOf = (span: ReadableSpan): string => span.spanContext().spanId

/** What is inside a span, as a tree of names. */
function inside(parent: ReadableSpan): ReadableSpan[] {
  return telemetry
    .spans()
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(parent))
    .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
}

async function servers(count: number): Promise<ReadableSpan[]> {
  const found = (): ReadableSpan[] =>
    telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER)
  await expect.poll(() => found().length).toBe(count)
  return found()
}

test('a request that is replayed has spans in both regions, beside those of HTTP and of the driver', async () => {
  const path = '/attempt/transaction?id=secret-id'
  const response = await fetch(regions.url('syd', path), { method: 'POST' })
  expect(await response.json()).toEqual({ region: 'ewr' })
  const [there, here] = (await servers(2)).toSorted((a, b) => {
    const [first, second] = [a, b].map(
      (span) => inside(span).find(({ name }) => name === 'flyback.request')?.attributes,
    )
    return String(second?.['flyback.region']).localeCompare(String(first?.['flyback.region']))
  })
  if (there === undefined || here === undefined) throw new Error('two requests')

  const seen = [there, here].map((server) => {
    const children = inside(server)
    const request = children.find(({ name }) => name === 'flyback.request')
    if (request === undefined) throw new Error('no span of the request')
    return {
      request: request.attributes,
      statements: inside(request),
      server,
    }
  })
  expect(seen.map(({ request }) => request)).toMatchObject([
    {
      'http.request.method': 'POST',
      'http.response.status_code': 409,
      'http.route': '/attempt/transaction',
      'url.path': '/attempt/transaction',
      'flyback.region': 'syd',
      'flyback.role': 'replica',
      'flyback.policy': 'attempt',
      'flyback.policy.by': 'route',
      'flyback.outcome': 'replayed',
      'flyback.reason': 'write',
      'flyback.answered_by': 'replica',
      'flyback.origin.replayed': false,
    },
    {
      'http.response.status_code': 200,
      'flyback.region': 'ewr',
      'flyback.role': 'primary',
      'flyback.outcome': 'served',
      'flyback.reason': 'primary-region',
      'flyback.answered_by': 'primary',
      'flyback.origin.replayed': true,
    },
  ])
  const facts = seen.map(({ statements }) =>
    statements.map(({ attributes }) => [
      attributes['flyback.endpoint'],
      attributes['flyback.member.role'],
      attributes['flyback.reason'],
      attributes['flyback.outcome'],
      attributes['db.response.status_code'],
    ]),
  )
  const read = ['replica', 'replica', 'local', 'answered', undefined]
  const write = ['writer', 'primary', 'primary-region', 'answered', undefined]
  expect(facts).toEqual([
    [read, read, ['replica', 'replica', 'local', 'refused', '25006']],
    [write, write, write, write],
  ])
  // One of the driver's for each of ours, beside them; and one for the ROLLBACK by which Flyback gives the connection back.
  const ofDriver = (): number[] =>
    seen.map(({ server }) => inside(server).filter(({ kind }) => kind === SpanKind.CLIENT).length)
  // In the primary region the position of what was committed is asked, which the driver tells as any other query.
  await expect.poll(ofDriver).toEqual([4, 5])
  for (const { statements } of seen) {
    expect(new Set(statements.map(({ kind }) => kind))).toEqual(new Set([SpanKind.INTERNAL]))
    for (const { attributes } of statements) {
      expect(attributes).toMatchObject({
        'db.system.name': 'postgresql',
        'db.namespace': database.name,
      })
      expect(attributes['server.address']).toMatch(/^127\./)
      expect(attributes['server.port']).toBeTypeOf('number')
    }
  }

  expect(await telemetry.points('flyback.replays')).toEqual([
    [
      {
        'flyback.region': 'syd',
        'flyback.role': 'replica',
        'flyback.reason': 'write',
        'http.request.method': 'POST',
        'http.route': '/attempt/transaction',
      },
      1,
    ],
  ])
  expect(await telemetry.points('flyback.refusals')).toEqual([
    [{ 'flyback.reason': 'write', 'flyback.replayable': true }, 1],
  ])
  const all = telemetry
    .spans()
    .map(({ name, attributes, events }) => ({ name, attributes, events }))
  expect(JSON.stringify(all)).not.toMatch(/secret|insert|password/i)
})
