import { AsyncLocalStorage } from 'node:async_hooks'
import type { Hint } from '@flyback/core'

/** What the extension tells the adapter about the call in progress. */
export interface CallContext {
  /** A known write, or work asked onto the primary. */
  readonly hint: Hint
  /** Prisma's batches were told apart: the scope in effect is that of the caller. */
  readonly exact: boolean
}

const NOTHING: CallContext = { hint: 'none', exact: false }

let store: AsyncLocalStorage<CallContext> | undefined

/** The context of the call in progress. */
export function callContext(): CallContext {
  return store?.getStore() ?? NOTHING
}

/** Runs a call in a context of its own; what is not given stays as it is. */
export function inCallContext<T>(given: Partial<CallContext>, call: () => T): T {
  store ??= new AsyncLocalStorage<CallContext>()
  return store.run({ ...callContext(), ...given }, call)
}
