import {
  acquireConnection,
  createLink,
  type EndpointName,
  exposeRouting,
  type Hint,
  type Link,
  type Scope,
  takesAdvisoryLock,
} from '@flyback/core'
import { currentScope, runOutsideScope } from '@flyback/core/scope'
import type pg from 'pg'
import { bindCheckout } from './checkout.js'
import { clientSource } from './client-source.js'
import type { PoolConfig } from './config.js'
import { planConnections, type Route } from './plan-connections.js'
import type { Pool } from './pool.js'
import { promiseForCaller } from './promise-for-caller.js'
import { type Answer, type RoutedClient, routeClient } from './routed-client.js'
import { sessionOf } from './session.js'
import { isSubmittable } from './submittable.js'

/** The constructor of {@link Pool}: pg's own, with Flyback's options under `flyback`. */
export interface PoolConstructor {
  new (config?: PoolConfig): Pool
  readonly prototype: Pool
}

/** The part of the `pg` module a pool is made from. */
export interface PgLike {
  readonly Pool: typeof pg.Pool
  readonly Client: typeof pg.Client
}

const FORWARDED_EVENTS = ['connect', 'acquire', 'release', 'remove', 'error'] as const

/** How a pool takes part: on which endpoint its connections are, and what its callers ask for. */
interface Part {
  readonly routing: Route<PoolConfig>
  readonly link: Link
  readonly hint: Hint
}

/**
 * Makes a Pool class from a copy of pg, for when another package brings its own: Prisma's adapter and Drizzle test
 * `instanceof` the Pool of the copy they import.
 *
 * @example
 * import pg from 'some-package/node_modules/pg'
 * const Pool = createPoolClass(pg)
 */
export function createPoolClass(pgModule: PgLike): PoolConstructor {
  class FlybackPool extends pgModule.Pool implements Pool {
    readonly #part: Part | undefined
    #writer: FlybackPool | undefined

    constructor(given?: PoolConfig, part?: Part) {
      const plan =
        part === undefined ? planConnections(given) : { config: given, routing: part.routing }
      const { config, routing } = plan
      if (routing === undefined) {
        super(config)
        exposeRouting(this, undefined)
        if (given?.connectionString === undefined) hideConnectionString(this)
        return
      }
      const link = part?.link ?? createLink(routing, routing.local)
      super({ ...config, Client: routedClass(config, link, pgModule) })
      hideConnectionString(this)
      exposeRouting(this, { ...routing, hint: part?.hint ?? 'none' })
      this.#part = part ?? { routing, link, hint: 'none' }
      // Idle connections end with their server; each is replaced at its next use.
      this.on('error', () => {})
    }

    get primary(): pg.Pool {
      return this.#part?.routing.local === 'replica' ? this.#poolFor('writer', this.#part) : this
    }

    // pg overloads `connect`, `query` and `end` beyond what one signature can say; `never` leaves the callers' types to
    // pg.Pool, and the differential suite checks the behaviour.
    override connect(...args: never[]): never {
      const part = this.#part
      if (part === undefined || this.ending)
        return Reflect.apply(super.connect, this, args) as never
      const [callback]: unknown[] = args
      const acquired = this.#acquire(part, currentScope())
      if (typeof callback !== 'function') return this.#promise(acquired) as never
      const given = (client: RoutedClient) => [undefined, client, client.release]
      callBack(acquired, callback, given, (error) => [error, undefined, () => {}])
      return undefined as never
    }

    override query(...args: never[]): never {
      const [config, values, callback]: unknown[] = args
      const part = this.#part
      if (part === undefined || typeof config === 'function' || isSubmittable(config)) {
        return Reflect.apply(super.query, this, args) as never
      }
      const running = this.#run(
        part,
        currentScope(),
        config,
        typeof values === 'function' ? undefined : values,
      )
      const given = typeof values === 'function' ? values : callback
      if (typeof given !== 'function') return this.#promise(running) as never
      callBack(running, given, (result) => [undefined, result])
      return undefined as never
    }

    override end(...args: never[]): never {
      const writer = this.ending ? undefined : this.#writer
      if (writer === undefined) return Reflect.apply(super.end, this, args) as never
      const [callback]: unknown[] = args
      const ended = Promise.all([
        super.end(),
        writer.ending ? Promise.resolve() : writer.end(),
      ]).then(() => undefined)
      if (typeof callback !== 'function') return this.#promise(ended) as never
      callBack(ended, callback, () => [])
      return undefined as never
    }

    /** Runs one statement on a connection of its own, elsewhere if need be. */
    async #run(
      part: Part,
      scope: Scope | undefined,
      config: unknown,
      values: unknown,
    ): Promise<unknown> {
      const { router } = part.routing
      const text = typeof config === 'string' ? config : Reflect.get(Object(config), 'text')
      let endpoint = router.choose(scope, hintOf(part, text))
      for (let attempt = 0; ; attempt++) {
        const client = await this.#checkout(part, scope, endpoint, attempt)
        const answer = await client
          .attempt(scope, config, values, { retryable: true, attempt })
          .catch((error: unknown): Answer => ({ type: 'throw', error }))
        if (answer.type === 'result') {
          client.release(null)
          return answer.result
        }
        if (answer.type === 'retry') {
          client.release(sessionOf(client)?.lost ?? false)
          endpoint = answer.on
          continue
        }
        client.release(answer.error instanceof Error ? answer.error : true)
        throw answer.error
      }
    }

    /** A rejection, not a throw, whatever the tables say. */
    async #acquire(part: Part, scope: Scope | undefined): Promise<RoutedClient> {
      return await this.#checkout(part, scope, part.routing.router.choose(scope, part.hint), 0)
    }

    async #checkout(
      part: Part,
      scope: Scope | undefined,
      endpoint: EndpointName,
      attempt: number,
    ): Promise<RoutedClient> {
      const source = clientSource((target) => this.#poolFor(target, part).#connect())
      const ask = { scope, endpoint, attempt, hint: part.hint }
      const client = await acquireConnection(part.routing, source, ask)
      const session = sessionOf(client)
      return session === undefined ? client : bindCheckout(client, session, scope)
    }

    async #connect(): Promise<RoutedClient> {
      // Connections of a pool with a link are made by routeClient.
      const client = (await runOutsideScope(() => super.connect())) as RoutedClient
      // A release may hand the client on at once: listeners of the next checkout must not run in the scope of this one.
      const { release } = client
      client.release = (error) => runOutsideScope(() => release(error))
      return client
    }

    #poolFor(endpoint: EndpointName, part: Part): FlybackPool {
      if (part.link.endpoint === endpoint || part.routing.writerConfig === undefined) return this
      if (this.#writer !== undefined) return this.#writer
      // It refuses as pg does; a new pool would outlive this one.
      if (this.ending) return this
      const { routing } = part
      const writer = new FlybackPool(routing.writerConfig, {
        routing,
        link: createLink(routing, 'writer'),
        hint: 'primary',
      })
      for (const event of FORWARDED_EVENTS) {
        writer.on(event, (...args: unknown[]) => {
          this.emit(event, ...args)
        })
      }
      this.#writer = writer
      return writer
    }

    #promise<T>(running: Promise<T>): PromiseLike<T> {
      return promiseForCaller(running, this.options.Promise)
    }
  }
  return FlybackPool
}

/** As pg-pool does with `password`: a URL we put into the options must not be printed with the pool. */
function hideConnectionString({ options }: pg.Pool): void {
  if (options.connectionString !== undefined) {
    Object.defineProperty(options, 'connectionString', { enumerable: false })
  }
}

/** The user's own client class, or pg's, extended. */
function routedClass(
  config: PoolConfig | undefined,
  link: Link,
  pgModule: PgLike,
): NonNullable<PoolConfig['Client']> {
  // @types/pg declares the option without constructor arguments; pg-pool passes the pool's options.
  const Base = (config?.Client ?? pgModule.Client) as typeof pg.Client
  return routeClient(Base, (given) => ({ config: given, link, pooled: true }))
}

function hintOf(part: Part, text: unknown): Hint {
  const locks =
    part.routing.settings.refuseAdvisoryLocks && typeof text === 'string' && takesAdvisoryLock(text)
  return part.hint === 'none' && locks ? 'write' : part.hint
}

/** Hands an outcome to a callback as pg does: what it throws is uncaught, not a rejection of ours. */
function callBack<T>(
  running: Promise<T>,
  callback: unknown,
  given: (value: T) => unknown[],
  failed: (error: unknown) => unknown[] = (error) => [error],
): void {
  const deliver = (outcome: unknown[]): void => {
    if (typeof callback === 'function') Reflect.apply(callback, undefined, outcome)
  }
  running.then(
    (value) => process.nextTick(deliver, given(value)),
    (error: unknown) => process.nextTick(deliver, failed(error)),
  )
}
