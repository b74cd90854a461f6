import {
  type Attempt,
  classifyError,
  exposeRouting,
  isCommit,
  type Link,
  NO_RETRY,
  type Remedy,
  refusalBeforeSending,
  type Scope,
  type ToldStatement,
} from '@flyback/core'
import { bindToCaller, currentScope, runOutsideScope } from '@flyback/core/scope'
import type pg from 'pg'
import type { ClientConfig } from './config.js'
import { promiseForCaller } from './promise-for-caller.js'
import { callbackOf, copyOf, type QueryCallback, textOf } from './query-arguments.js'
import { Session } from './session.js'
import { adoptSubmittable, isSubmittable, type Submittable } from './submittable.js'

type ClientClass = new (config?: string | pg.ClientConfig) => pg.Client

/** How one statement of a pool ended. */
export type Answer = { readonly type: 'result'; readonly result: unknown } | Remedy

/** A client of ours, as the pool uses it. */
export interface RoutedClient extends pg.PoolClient {
  /** pg releases the client of a query that worked with `null`, and its `release` event shows it. */
  release(error?: Error | boolean | null): void
  /** Sends one statement the pool owns, and says what to do about its error. */
  attempt(
    scope: Scope | undefined,
    config: unknown,
    values: unknown,
    attempt: Attempt,
  ): Promise<Answer>
  /** Ends an open transaction whatever the scope says. Resolves to whether it worked. */
  rollback(): Promise<boolean>
}

/** Errors that mean "no connection was opened", seen where they arise: pg gives some of them no code. */
export const connectFailures: WeakSet<object> = new WeakSet()

/**
 * Extends a client class (pg's, or the user's own): learns the role from what the server announces, keeps refused
 * scopes from sending, and turns refusals into ReplayRequired through every form of `query`.
 *
 * @param plan what to give to pg for a config, and the link of its endpoint; no link: pg alone does everything
 */
export function routeClient(
  Base: ClientClass,
  plan: (config: ClientConfig | string | undefined) => {
    readonly config: string | pg.ClientConfig | undefined
    readonly link: Link | undefined
    readonly pooled: boolean
  },
): ClientClass {
  return class FlybackClient extends Base {
    readonly #session: Session | undefined
    readonly #pooled: boolean
    readonly #Promise: PromiseConstructorLike | undefined

    constructor(given?: string | pg.PoolConfig) {
      const { config, link, pooled } = plan(given)
      super(config)
      this.#pooled = pooled
      this.#Promise = typeof given === 'object' ? given.Promise : undefined
      exposeRouting(this, link)
      if (link === undefined) return
      const session = new Session(link, this, (statement) => this.#ask(statement))
      this.#session = session
      // pg-native has no connection object: its role is then assumed from the endpoint.
      const { connection } = this as { readonly connection?: pg.Connection }
      if (connection !== undefined) session.observe(connection)
      this.on('drain', () => session.settle())
      this.on('end', () => session.settle())
      // A backend may die while nobody listens; every statement still reports its own failure.
      this.on('error', () => {})
    }

    // pg overloads `connect`, `query` and `end` beyond what one signature can say; `never` leaves the callers' types to
    // pg.Client, and the differential suite checks the behaviour.
    override connect(...args: never[]): never {
      const [callback]: unknown[] = args
      const session = this.#session
      if (session === undefined) return Reflect.apply(super.connect, this, args) as never
      const failed = (error: unknown): void => {
        if (typeof error === 'object' && error !== null) connectFailures.add(error)
      }
      if (typeof callback !== 'function') {
        const connecting = runOutsideScope(() => super.connect())
        connecting.catch(failed)
        return connecting as never
      }
      const done = (error: unknown, ...rest: unknown[]): void => {
        failed(error)
        Reflect.apply(callback, undefined, [error, ...rest])
      }
      // A pool binds its own callers; its listeners on a new connection belong to no scope.
      const bound = this.#pooled ? done : bindToCaller(done)
      return runOutsideScope(() => super.connect(bound)) as never
    }

    override query(...args: never[]): never {
      const [config, values, callback]: unknown[] = args
      const session = this.#session
      if (session === undefined || config === null || config === undefined) {
        return Reflect.apply(super.query, this, args) as never
      }
      const scope = currentScope() ?? session.scope
      if (isSubmittable(config)) return this.#submit(session, scope, config, args) as never
      const answered = callbackOf(config, values, callback)
      if (answered === undefined) {
        const running = this.attempt(scope, config, values, NO_RETRY).then((answer) => {
          if (answer.type === 'throw') throw answer.error
          return answer.type === 'result' ? answer.result : undefined
        })
        return promiseForCaller(running, this.#Promise) as never
      }
      const deliver = bindToCaller(answered)
      this.#send(session, scope, config, values, NO_RETRY, (answer) => {
        if (answer.type === 'result') deliver(null, answer.result)
        else if (answer.type === 'throw') deliver(answer.error)
      })
      return undefined as never
    }

    attempt(
      scope: Scope | undefined,
      config: unknown,
      values: unknown,
      attempt: Attempt,
    ): Promise<Answer> {
      const session = this.#session
      if (session === undefined) throw new Error('not a routed client')
      return new Promise((resolve) => {
        this.#send(session, scope, config, values, attempt, resolve)
      })
    }

    rollback(): Promise<boolean> {
      return new Promise((resolve) => {
        super.query('ROLLBACK', (error: unknown) => resolve(!error))
      })
    }

    /** Not part of pg's types: pg.Client.cancel(target, query) opens this client to cancel another's query. */
    cancel(target: pg.Client, query: unknown): unknown {
      // The cancel request must reach the server that runs the query, whichever endpoint this client was made for.
      if (this.#session !== undefined) {
        this.host = target.host
        this.port = target.port
      }
      const cancel: unknown = Reflect.get(Base.prototype, 'cancel')
      return typeof cancel === 'function' ? Reflect.apply(cancel, this, [target, query]) : undefined
    }

    /** Sends a statement of ours, past all checks. */
    #ask(statement: string): Promise<readonly unknown[]> {
      return new Promise((resolve, reject) => {
        const config: pg.QueryArrayConfig = { text: statement, rowMode: 'array', types: TEXT }
        super.query(config, (error, result) => {
          if (error) reject(error)
          else resolve(result.rows[0] ?? [])
        })
      })
    }

    #send(
      session: Session,
      scope: Scope | undefined,
      config: unknown,
      values: unknown,
      attempt: Attempt,
      done: (answer: Answer) => void,
    ): void {
      const text = textOf(config)
      const refusal = refusalBeforeSending(session, scope, text)
      if (refusal !== undefined) {
        session.note(refusal, scope)
        process.nextTick(done, { type: 'throw', error: refusal } satisfies Answer)
        return
      }
      this.#endLeftOpen(session, scope)
      const told = session.beginSending(scope, attempt.attempt)
      const { firstRefusal } = session
      const answered: QueryCallback = (error, result) => {
        if (error) {
          const judge = (): void => {
            const remedy = session.judge(scope, attempt, error, told, text)
            process.nextTick(done, remedy)
          }
          // Refusals wait for ReadyForQuery: what the server announces about its role arrives with it.
          if (WAITS.has(classifyError(error))) void session.ready().then(judge)
          else judge()
          return
        }
        session.endSending(scope, told)
        const failure = commitFailure(firstRefusal, text, result)
        if (failure !== undefined) return done({ type: 'throw', error: failure })
        const succeed = (): void => done({ type: 'result', result })
        if (scope !== undefined && session.owesCapture(scope, tagsOf(result))) {
          void session.capture(scope).then(succeed)
        } else succeed()
      }
      Reflect.apply(super.query, this, [
        copyOf(config),
        typeof values === 'function' ? undefined : values,
        answered,
      ])
    }

    /** pg sends in order: what another request left open has ended when this statement runs. */
    #endLeftOpen(session: Session, scope: Scope | undefined): void {
      if (!session.isLeftOpen(scope)) return
      super.query('ROLLBACK', () => {})
      session.status = 'I'
    }

    #submit(
      session: Session,
      scope: Scope | undefined,
      submittable: Submittable,
      args: unknown[],
    ): unknown {
      const text = textOf(submittable)
      const refusal = refusalBeforeSending(session, scope, text)
      let told: ToldStatement | undefined
      adoptSubmittable(submittable, {
        onError: (error) => {
          const remedy = session.judge(scope, NO_RETRY, error, told, text)
          return remedy.type === 'throw' ? remedy.error : error
        },
        onDelivery: () => {
          session.delivering = true
        },
        onComplete: (command) => {
          session.endSending(scope, told)
          return commitFailure(session.firstRefusal, text, { command })
        },
        capture: (commands) =>
          scope !== undefined && session.owesCapture(scope, commands)
            ? session.capture(scope)
            : undefined,
        whenLost: (tell) => session.whenLost(tell),
      })
      if (refusal === undefined) {
        this.#endLeftOpen(session, scope)
        told = session.beginSending(scope)
        return Reflect.apply(super.query, this, args)
      }
      session.note(refusal, scope)
      const [, values, callback] = args
      const given = typeof values === 'function' ? values : callback
      if (typeof given === 'function' && !Reflect.get(submittable, 'callback')) {
        Reflect.set(submittable, 'callback', given)
      }
      process.nextTick(() => {
        const handleError: unknown = Reflect.get(submittable, 'handleError')
        if (typeof handleError === 'function') {
          Reflect.apply(handleError, submittable, [refusal, Reflect.get(this, 'connection')])
        }
      })
      return submittable
    }
  }
}

/** All that is ours is text, whatever parsers the app has for that. */
const TEXT: pg.CustomTypesConfig = { getTypeParser: () => String }

/** Verdicts that may depend on what the server announces with the end of its answer. */
const WAITS: ReadonlySet<string> = new Set(['refused', 'ambiguous', 'aborted'])

/** The command tags of a result, or of the results of several statements in one text. */
function tagsOf(result: unknown): (string | undefined)[] {
  return [result].flat().map((one) => {
    const command: unknown = Reflect.get(Object(one), 'command')
    return typeof command === 'string' ? command : undefined
  })
}

/** A COMMIT that the server answered with ROLLBACK, after a refusal the caller had swallowed. */
function commitFailure(refusal: unknown, text: string | undefined, result: unknown): unknown {
  if (refusal === undefined || text === undefined || !isCommit(text)) return undefined
  return tagsOf(result)[0] === 'ROLLBACK' ? refusal : undefined
}
