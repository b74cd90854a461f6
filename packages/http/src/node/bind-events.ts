import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
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

/** Runs the reads of what is piped into a response in the scope: Koa does so after the last middleware has returned. */
export function bindSources(res: ServerResponse, scope: Scope): void {
  res.on('pipe', (source: Partial<Readable>) => bindReads(source, scope))
}

/** Runs the reads of a stream in the scope, whoever reads it. */
export function bindReads(source: Partial<Readable>, scope: Scope): void {
  const original = source.read
  // A stream of the first kind has none, and reads by itself.
  if (original === undefined) return
  source.read = (size) => runInScope(scope, () => Reflect.apply(original, source, [size]))
}
