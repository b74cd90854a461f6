import { acquireConnection, type Hint, type Routing } from '@flyback/core'
import { bindToCaller, currentScope, runOutsideScope } from '@flyback/core/scope'
import { asText } from './as-text.js'
import { Checkout } from './checkout.js'
import type { DriverQuery, DriverSql, ParsedOptions } from './driver-internals.js'
import { type LaneSets, laneSource } from './lane-source.js'
import type { Listening } from './listening.js'
import { type Route, routeQuery } from './routed-query.js'
import { createSqlFunction, type SqlFunction } from './sql-function.js'
import { runTransaction } from './transaction.js'
import type { Work } from './work.js'

/** What all handles of one `postgres()` share. */
export interface World {
  readonly routing: Routing
  /** An instance of the driver on the writer endpoint that makes queries and never connects. */
  readonly template: DriverSql
  /** The options of the local endpoint, which `sql.options` shows. */
  readonly local: ParsedOptions
  readonly sets: LaneSets
  readonly work: Work
  readonly listening: Listening
  refuse(query: DriverQuery): boolean
  end(options?: { timeout?: number | null }): Promise<void>
  close(): Promise<void>
}

/** The sql function of a database. */
export type Handle = SqlFunction & { begin(...args: unknown[]): Promise<unknown> }

/** `sql`, or `sql.primary`: the driver's interface over routed queries and checkouts. */
export function createHandle(world: World, hint: Hint): Handle {
  const { routing, template, local, sets, work } = world
  const route: Route = { routing, sets, hint, max: local.max, work, refuse: world.refuse }
  const notifying: Route = { ...route, hint: 'primary' }

  async function notify(channel: string, payload: unknown): Promise<unknown> {
    return await routeQuery(
      template.unsafe('select pg_notify($1, $2)', [channel, asText(payload)], {
        prepare: true,
      }),
      notifying,
    )
  }

  /** Rejects as the driver does once it has ended. */
  async function unlessEnded(): Promise<void> {
    const probe = template.unsafe('')
    if (world.refuse(probe)) await probe
  }

  async function checkOut(onReclaimed?: () => void): Promise<Checkout> {
    await unlessEnded()
    const scope = currentScope()
    const endpoint = routing.router.choose(scope, hint)
    const source = laneSource(sets, true)
    const ask = { scope, endpoint, hint, attempt: 0 }
    const lane = await acquireConnection(routing, source, ask)
    return new Checkout(sets, lane, scope, onReclaimed)
  }

  async function transact(
    [first, second]: readonly unknown[],
    onReclaimed: () => void,
  ): Promise<unknown> {
    const [options, fn] = second ? [first, second] : ['', first]
    const checkout = await checkOut(onReclaimed)
    try {
      // What is no string, or no function, throws where it is used, as in the driver.
      return await runTransaction(checkout, parts, options as string, fn as never)
    } finally {
      await checkout.close(true)
    }
  }

  const sql = createSqlFunction(template, (query, read) => routeQuery(query, route, read), notify)
  const { CLOSE, PostgresError } = Object(template)
  const parts = { template, notify, PostgresError }
  return Object.assign(sql, {
    parameters: local.parameters,
    largeObject: (...args: unknown[]) => template.largeObject(...args),
    async subscribe(event: unknown, ...callbacks: unknown[]) {
      await unlessEnded()
      routing.router.choose(currentScope(), 'primary')
      const bound = callbacks.map((each) =>
        typeof each === 'function'
          ? bindToCaller((...args) => Reflect.apply(each, undefined, args))
          : each,
      )
      return await runOutsideScope(() => template.subscribe(event, ...bound))
    },
    CLOSE,
    END: CLOSE,
    PostgresError,
    options: local,
    async reserve() {
      const checkout = await checkOut()
      const reserved = createSqlFunction(
        template,
        (query, read) => checkout.adopt(query, read),
        notify,
      )
      return Object.assign(reserved, { release: () => void checkout.close(false) })
    },
    async listen(name: string, fn: (payload: string) => void, onListen?: () => void) {
      await unlessEnded()
      return await world.listening.listen(name, fn, onListen)
    },
    begin(...args: unknown[]) {
      // Whoever began it may be gone with the request: what takes it back must not be what ends the process.
      const running = work.during(transact(args, () => void running.catch(() => {})))
      return running
    },
    close: world.close,
    end: world.end,
  })
}
