import {
  type Ask,
  type Attempt,
  type Connection,
  type EndpointName,
  isPrimaryUnavailable,
  isReplayRequired,
  originOf,
  type Remedy,
  type Routing,
  type Scope,
  type ToldStatement,
} from '@flyback/core'
import type { DatabaseConnection, Driver } from 'kysely'

/** A connection of one side, taken. */
export interface Held {
  readonly driver: Driver
  readonly connection: DatabaseConnection
  readonly endpoint: EndpointName
  /** What is known of a connection that knows nothing of Flyback. */
  readonly known?: Connection
}

/** Where connections come from. */
export interface Source {
  readonly routing: Routing
  /** Takes a connection of the endpoint asked for, or of where the tables send it. */
  take(ask: Ask, acquireArgs: Parameters<Driver['acquireConnection']>): Promise<Held>
}

/** Where a connection leads in fact. */
export function leadsTo({ known, endpoint }: Held): EndpointName {
  return known?.leadsTo ?? endpoint
}

/** What to do about an error that a statement was answered with. */
export function judge(
  { known }: Held,
  scope: Scope | undefined,
  attempt: Attempt,
  error: unknown,
  told: ToldStatement | undefined,
  text: string,
): Remedy {
  if (known !== undefined) return known.judge(scope, attempt, error, told, text)
  const origin = originOf(error)
  // The pool has judged it; what it cannot know is that the statement may run again.
  const final = !attempt.retryable || isReplayRequired(error) || isPrimaryUnavailable(error)
  if (final || origin === undefined) return { type: 'throw', error }
  const { link, facts, firstRefusal, lost } = origin
  const { router, endpoint } = link
  // Not by the connection's transaction state, which postgres.js can only guess for a reserved one.
  return router.judge(scope, {
    ...attempt,
    endpoint,
    facts,
    firstRefusal,
    connectionLost: lost,
    error,
  })
}
