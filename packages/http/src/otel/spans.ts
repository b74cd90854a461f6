import { observe, type RequestStarted, type StatementStarted } from '@flyback/core'
import {
  type Context,
  context,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import {
  answerAttributes,
  fateAttributes,
  requestAttributes,
  statementAttributes,
} from './attributes.js'

/** The span of a request, and the one it began in. */
interface Began {
  readonly span: Span
  readonly outer: Span | undefined
}

/**
 * Makes spans of requests and statements, in the context they happen in. All are INTERNAL: the SERVER span of a request and
 * the CLIENT span of a query belong to the instrumentations of HTTP and of the driver, which may be there too.
 *
 * @returns what ends that
 */
export function makeSpans(tracer: Tracer, statementSpans: boolean): () => void {
  const requests = new WeakMap<RequestStarted, Began>()
  const statements = new WeakMap<StatementStarted, Span>()

  /** Inside the request's span, unless the app has begun one of its own since. */
  function parentOf(request: RequestStarted | undefined): Context {
    const active = context.active()
    const began = request && requests.get(request)
    if (began === undefined) return active
    const span = trace.getSpan(active)
    return span === undefined || span === began.outer ? trace.setSpan(active, began.span) : active
  }

  const stops = [
    observe('flyback:request:start', (request) => {
      const outer = trace.getActiveSpan()
      const span = tracer.startSpan('flyback.request', { attributes: requestAttributes(request) })
      requests.set(request, { span, outer })
    }),
    observe('flyback:request:end', (request) => {
      const span = requests.get(request)?.span
      if (span === undefined) return
      span.setAttributes(fateAttributes(request))
      const { outcome, status = 0 } = request
      if (outcome === 'broken') fail(span, 'flyback.broken')
      else if (status >= 500) fail(span, String(status))
      span.end()
    }),
  ]
  if (statementSpans) {
    stops.push(
      observe('flyback:statement:start', (statement) => {
        const attributes = statementAttributes(statement)
        const parent = parentOf(statement.request)
        statements.set(statement, tracer.startSpan('flyback.statement', { attributes }, parent))
      }),
      observe('flyback:statement:end', (statement) => {
        const span = statements.get(statement)
        if (span === undefined) return
        const { outcome, sqlstate } = statement
        span.setAttributes(answerAttributes(statement))
        if (sqlstate !== undefined) span.setAttribute('db.response.status_code', sqlstate)
        // A refusal and a retry are how Flyback works: the app sees no error of theirs.
        const failed = outcome === 'failed' || outcome === 'primary-unavailable'
        if (failed) fail(span, sqlstate ?? `flyback.${outcome}`)
        span.end()
      }),
    )
  }
  return () => {
    for (const stop of stops) stop()
  }
}

/** @see https://opentelemetry.io/docs/specs/semconv/general/recording-errors/ (read 2026-11-25) */
function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}
