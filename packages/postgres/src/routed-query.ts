import {
  acquireConnection,
  type Hint,
  isReplayRequired,
  type Routing,
  refusalBeforeSending,
  type Scope,
  takesAdvisoryLock,
} from '@flyback/core'
import { bindToCaller, currentScope } from '@flyback/core/scope'
import type { Attempt, Sender } from './attempt.js'
import { unsafeTransaction } from './connection-errors.js'
import { type DriverQuery, type QueryOptions, replaceHandler } from './driver-internals.js'
import type { Lane } from './lane.js'
import { giveBack, type LaneSets, laneSource } from './lane-source.js'
import { textOf } from './query-text.js'
import { commandsOf } from './transaction-state.js'
import type { Work } from './work.js'

/** How the queries of one sql function find their way. */
export interface Route {
  readonly routing: Routing
  readonly sets: LaneSets
  readonly hint: Hint
  /** Connections at most; with one, a BEGIN outside of `begin` is allowed, as in the driver. */
  readonly max: number
  readonly work: Work
  /** Rejects the query as the driver does once it has ended. */
  refuse(query: DriverQuery): boolean
}

/** Where a query is at the moment; `undefined` while it is nowhere. */
type Whereabouts = { readonly lane: Lane; readonly attempt: Attempt } | undefined

/**
 * Routes a genuine, lazy query of the driver: nothing happens until it is executed, and then it runs on a lane that the
 * tables choose, elsewhere if need be.
 *
 * @param read gets the text of a query from a file
 */
export function routeQuery(
  query: DriverQuery,
  route: Route,
  read?: () => Promise<string>,
): DriverQuery {
  const created = currentScope()
  const { canceller } = query
  let at: Whereabouts
  query.canceller = (given) => (at === undefined ? canceller?.(given) : at.lane.cancel(at.attempt))
  replaceHandler(query, () => {
    if (query.cancelled || route.refuse(query)) return
    const scope = currentScope() ?? created
    const running = run(query, route, scope, read, (whereabouts) => {
      at = whereabouts
    })
    route.work.during(running).then(
      (value) => query.resolve(value),
      (error: unknown) => query.reject(error),
    )
  })
  return query
}

async function run(
  query: DriverQuery,
  route: Route,
  scope: Scope | undefined,
  read: (() => Promise<string>) | undefined,
  locate: (at: Whereabouts) => void,
): Promise<unknown> {
  const { routing, sets, max } = route
  const inCaller = callerOf(query)
  if (read !== undefined) query.strings = [await read()]
  const text = textOf(query)
  const hint = hintOf(route, text)
  // What is open for long must not hold up others in the pipeline.
  const alone = query.cursorFn !== undefined || query.streaming === true
  const source = laneSource(sets, alone)
  let endpoint = routing.router.choose(scope, hint)
  for (let attempt = 0; ; ) {
    const lane = await acquireConnection(routing, source, { scope, endpoint, hint, attempt })
    const refusal = query.cancelled ? undefined : refusalBeforeSending(lane, scope, text)
    if (query.cancelled || refusal !== undefined) {
      if (refusal !== undefined) lane.note(refusal, scope)
      giveBack(sets, lane, false)
      throw refusal
    }
    const told = lane.beginSending(scope, attempt)
    const watched = query.options.simple === true && !alone && max !== 1
    const late = (error: unknown): unknown => judgeLate(lane, scope, error)
    const sender: Sender = { scope, text, inCaller, judgeLate: late }
    const watch = watched ? watchTransaction(lane) : undefined
    const sending = lane.send(query, { ...sender, ...watch })
    locate({ lane, attempt: sending })
    const forget = scope?.follow(sending)
    const outcome = await sending.answered
    locate(undefined)
    if (outcome.type === 'value') lane.endSending(scope, told)
    const captured = lane.captureFor(sending)
    if (captured !== undefined) await captured
    forget?.()
    if (outcome.type === 'unsent') {
      told?.end({ type: 'retry', on: endpoint })
      giveBack(sets, lane, true)
      continue
    }
    if (outcome.type === 'value') {
      const open = lane.leftOpen || lane.status !== 'I'
      const begun = max !== 1 && (open || commandsOf(outcome.value).includes('BEGIN'))
      void sending.finished.then(() => giveBack(sets, lane, begun || lane.mustGo()))
      if (begun) throw unsafeTransaction(sending.query)
      return outcome.value
    }
    const retryable = !sending.delivered
    const remedy = lane.judge(scope, { retryable, attempt }, outcome.error, told, text)
    const refused = remedy.type === 'throw' && isReplayRequired(remedy.error)
    const simple = query.options.simple === true
    // With one connection a transaction of its user's may be open on it, whose ROLLBACK will not be sent. And before 3.4.8
    // the driver rejects before the server has said whether a transaction is open.
    if ((refused && max === 1 && (simple || lane.status !== 'I')) || watch?.unsure() === true) {
      void lane.rollback().then((clean) => giveBack(sets, lane, !clean || lane.mustGo()))
    } else giveBack(sets, lane, lane.leftOpen || lane.mustGo())
    if (remedy.type === 'throw') throw remedy.error
    endpoint = remedy.on
    attempt++
  }
}

function hintOf({ hint, routing: { router, settings } }: Route, text: string): Hint {
  const locks = settings.refuseAdvisoryLocks && router.role === 'replica' && takesAdvisoryLock(text)
  return hint === 'none' && locks ? 'write' : hint
}

/** Runs the callbacks of a query where it was executed: a socket belongs to nobody. */
export function callerOf(query: DriverQuery): <T>(callback: () => T) => T {
  if (query.cursorFn === undefined && query.forEachFn === undefined) return (callback) => callback()
  const bound = bindToCaller((callback: () => unknown) => callback())
  // It returns what the callback returns; `bind` cannot say so of a generic function.
  return bound as <T>(callback: () => T) => T
}

/** An error on a stream of a COPY: rows were delivered, so it never runs again. */
export function judgeLate(lane: Lane, scope: Scope | undefined, error: unknown): unknown {
  const remedy = lane.judge(scope, { retryable: false, attempt: 0 }, error)
  return remedy.type === 'throw' ? remedy.error : error
}

interface Watch {
  readonly onexecute: NonNullable<QueryOptions['onexecute']>
  /** The server has not been heard to be ready again. */
  unsure(): boolean
}

/**
 * The driver asks its connection's `reserved` when the server is ready again: it is dropped outside a transaction, and
 * called inside one. So a text of several statements that ends in an open transaction is noticed.
 */
function watchTransaction(lane: Lane): Watch {
  let watched: { reserved: (() => void) | null } | undefined
  const open = (): void => {
    if (watched !== undefined) watched.reserved = null
    lane.leftOpen = true
    lane.retire()
  }
  return {
    onexecute(connection) {
      watched = connection
      connection.reserved = open
      return true
    },
    unsure: () => watched?.reserved === open,
  }
}
