import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { processWide } from '../process-wide.js'
import type { Scope } from './scope-state.js'

function store(): AsyncLocalStorage<Scope | undefined> {
  return processWide('scope-store', AsyncLocalStorage<Scope | undefined>)
}

/** The scope of the work in progress, if any. Adapters read it once, synchronously, at the public call. */
export function currentScope(): Scope | undefined {
  return store().getStore()
}

/** Runs a function, and all it starts, within a scope. */
export function runInScope<T>(scope: Scope, fn: () => T): T {
  return store().run(scope, fn)
}

/** Runs a function outside any scope: a pooled socket must not carry the scope of the request that opened it. */
export function runOutsideScope<T>(fn: () => T): T {
  return store().run(undefined, fn)
}

/** Binds a callback to the caller's async context, all of it, as a promise continuation would be. */
export function bindToCaller<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  return AsyncResource.bind(fn)
}
