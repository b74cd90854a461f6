import type { RequestEnded, RequestStarted, StatementEnded, StatementStarted } from '@flyback/core'
import type { Attributes } from '@opentelemetry/api'

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/ (read 2026-11-25) */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
])

/** Where a request is handled, on spans and metrics alike. */
export function placeOf({ region, role }: RequestStarted): Attributes {
  return known({ 'flyback.region': region, 'flyback.role': role })
}

export function methodOf({ method }: RequestStarted): Attributes {
  return { 'http.request.method': KNOWN_METHODS.has(method) ? method : '_OTHER' }
}

/** What is known of a request as it begins. */
export function requestAttributes(request: RequestStarted): Attributes {
  return known({
    ...methodOf(request),
    'url.path': request.path,
    ...placeOf(request),
    'flyback.primary_region': request.primaryRegion,
    'flyback.origin.replayed': request.origin.replayed,
    'flyback.origin.cached': request.origin.cached,
    'flyback.origin.failed': request.origin.failed,
  })
}

/** What became of it. */
export function fateAttributes(request: RequestEnded): Attributes {
  return known({
    'http.route': request.route,
    'http.response.status_code': request.status,
    'flyback.policy': request.policy,
    'flyback.policy.by': request.policyBy,
    'flyback.outcome': request.outcome,
    'flyback.reason': request.reason,
    'flyback.answered_by': request.answeredBy,
    'flyback.completed': request.completed,
  })
}

/**
 * What is known of a statement as it goes out.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/database/postgresql (read 2026-11-25)
 */
export function statementAttributes(statement: StatementStarted): Attributes {
  return known({
    'db.system.name': 'postgresql',
    'db.namespace': statement.database,
    'server.address': statement.serverAddress,
    'server.port': statement.serverPort,
    'flyback.endpoint': statement.endpoint,
    'flyback.reason': statement.reason,
    'flyback.attempt': statement.attempt,
  })
}

/** Who answered it, and how: the server may have announced another role by then. */
export function answerAttributes({ member, outcome }: StatementEnded): Attributes {
  return { 'flyback.member.role': member, 'flyback.outcome': outcome }
}

/** An attribute that is not known is none: exporters write an empty value for `undefined`. */
export function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
