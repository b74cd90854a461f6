import { AsyncLocalStorage } from 'node:async_hooks'
import type { Hint } from '@flyback/core'

/** What the extension tells the adapter about the call in progress. */
export interface CallContext {
  /** A known write, or work asked onto the primary. */
  readonly hint: Hint
  /** Prisma's batches were told apart: the scope in effect is that of the caller. */
  readonly exact: boolean
}

/** One call of one client. What it started and left behind does not inherit it. */
interface Call extends CallContext {
  /** The factory of the client's adapter; `undefined` when it is wrapped, and cannot be told. */
  readonly factory: object | undefined
  over: boolean
}

const NOTHING: CallContext = { hint: 'none', exact: false }

const factories = new WeakSet<object>()
let store: AsyncLocalStorage<Call | undefined> | undefined

/** Lets calls of the clients over this factory be told from those of others. */
export function registerFactory(factory: object): void {
  factories.add(factory)
}

/** The context of the call in progress, as far as it is one of a client over this factory. */
export function callContext(factory: object | undefined): CallContext {
  const call = store?.getStore()
  if (call === undefined || call.over) return NOTHING
  const isOther = call.factory !== undefined && factory !== undefined && call.factory !== factory
  return isOther ? NOTHING : call
}

/** Runs one call of a client in a context of its own, until it has settled. */
export async function inCallContext<T>(
  client: object,
  given: CallContext,
  work: () => PromiseLike<T>,
): Promise<T> {
  store ??= new AsyncLocalStorage<Call | undefined>()
  const call: Call = { ...given, factory: factoryOf(client), over: false }
  try {
    return await store.run(call, work)
  } finally {
    call.over = true
  }
}

/** A function of the user's that runs in the call in progress now, if any, and in none that begins later. */
export function keepCallContext<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const call = store?.getStore()
  return (...args) => (store === undefined ? fn(...args) : store.run(call, fn, ...args))
}

/** The factory a client was made with, when it is one of ours. */
export function factoryOf(client: object): object | undefined {
  const config: unknown = Reflect.get(client, '_engineConfig')
  const adapter: unknown = Reflect.get(Object(config), 'adapter')
  return typeof adapter === 'object' && adapter !== null && factories.has(adapter)
    ? adapter
    : undefined
}
