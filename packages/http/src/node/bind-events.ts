import type { EventEmitter } from 'node:events'
import type { Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'

/**
 * Runs all listeners of an emitter in the scope. Node emits the events of a request from the context of its socket, so a
 * body parser's callbacks would lose the scope of the middleware that ran before it.
 */
export function bindEvents(emitter: EventEmitter, scope: Scope): void {
  const original = emitter.emit
  emitter.emit = (...args) => runInScope(scope, () => Reflect.apply(original, emitter, args))
}
