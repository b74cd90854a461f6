import { observe, type RequestEnded } from '@flyback/core'
import type { Meter } from '@opentelemetry/api'
import { answerAttributes, known, methodOf, placeOf } from './attributes.js'

/** Boundaries in seconds that the conventions advise for HTTP servers. @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ (read 2026-11-25) */
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** The same for database clients. @see https://opentelemetry.io/docs/specs/semconv/db/database-metrics/ (read 2026-11-25) */
const DB_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/**
 * Counts what is told. Under names of our own: `http.server.request.duration` and `db.client.operation.duration` belong to
 * the instrumentations of HTTP and of the driver, and would count twice.
 *
 * @returns what ends that
 */
export function countEvents(meter: Meter): () => void {
  const counter = (
    name: string,
    unit: string,
    description: string,
  ): ReturnType<Meter['createCounter']> => meter.createCounter(name, { unit, description })
  const seconds = (
    name: string,
    boundaries: number[],
    description: string,
  ): ReturnType<Meter['createHistogram']> =>
    meter.createHistogram(name, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: boundaries },
    })

  const requests = counter('flyback.requests', '{request}', 'Requests by what became of them')
  const replays = counter('flyback.replays', '{request}', 'Requests sent to the primary region')
  const guarded = counter('flyback.loop_guard.hits', '{request}', 'Requests not replayed again')
  const refusals = counter(
    'flyback.refusals',
    '{refusal}',
    'Work that belongs in the primary region',
  )
  const retries = counter('flyback.retries', '{retry}', 'Statements that failed and ran again')
  const unavailable = counter(
    'flyback.primary_unavailable',
    '{error}',
    'Work the primary could not take',
  )
  const statements = counter('flyback.statements', '{statement}', 'Statements by where they went')
  const requestTime = seconds('flyback.request.duration', HTTP_SECONDS, 'Until the answer is over')
  const statementTime = seconds(
    'flyback.statement.duration',
    DB_SECONDS,
    'Until the answer is there',
  )

  const stops = [
    observe('flyback:request:end', (request) => {
      const { outcome, reason, route, status, durationMs } = request
      const why = { ...placeOf(request), 'flyback.reason': reason }
      requests.add(1, { ...why, 'flyback.outcome': outcome })
      requestTime.record(durationMs / 1000, { ...why, 'flyback.outcome': outcome })
      // Nothing was sent to a client that went away first.
      if (outcome === 'replayed' && status !== undefined) {
        replays.add(1, known({ ...why, ...methodOf(request), 'http.route': route }))
      }
      if (reason === 'came-back') {
        guarded.add(1, {
          ...placeOf(request),
          'flyback.outcome': outcome,
          'flyback.origin': originOf(request),
        })
      }
    }),
    observe('flyback:refusal', ({ reason, replayable }) =>
      refusals.add(1, { 'flyback.reason': reason, 'flyback.replayable': replayable }),
    ),
    observe('flyback:retry', ({ reason, on }) =>
      retries.add(1, { 'flyback.reason': reason, 'flyback.endpoint': on }),
    ),
    observe('flyback:primary-unavailable', ({ reason }) =>
      unavailable.add(1, { 'flyback.reason': reason }),
    ),
    observe('flyback:statement:end', (statement) => {
      const { endpoint, reason, durationMs } = statement
      const where = { ...answerAttributes(statement), 'flyback.endpoint': endpoint }
      statements.add(1, { ...where, 'flyback.reason': reason })
      statementTime.record(durationMs / 1000, where)
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** What stopped the loop; a replay by `httpProxy` that reached nobody failed here. */
function originOf({ origin }: RequestEnded): 'replayed' | 'cached' | 'failed' {
  if (origin.replayed) return 'replayed'
  return origin.cached ? 'cached' : 'failed'
}
