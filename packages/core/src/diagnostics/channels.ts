import { read } from '../errors/walk-error.js'
import type { FlybackEvents } from './flyback-events.js'

interface Channel {
  readonly hasSubscribers: boolean
  publish(event: unknown): void
}

const channels = new Map<string, Channel | undefined>()

/**
 * `node:diagnostics_channel`, without an import: this entry runs where there is none. Node 20.16, Bun, Deno and Workers with
 * `nodejs_compat` have it; elsewhere nothing is published.
 *
 * @see https://nodejs.org/api/process.html#processgetbuiltinmoduleid (read 2026-11-25)
 */
export function diagnosticsChannel(): unknown {
  return builtin('node:diagnostics_channel')
}

function builtin(name: string): unknown {
  const host: unknown = Reflect.get(globalThis, 'process')
  const load = method(host, 'getBuiltinModule')
  return load && Reflect.apply(load, host, [name])
}

/** Binds a function to the async context of now, as a promise continuation is bound, where the runtime can do that. */
export function keepContext<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  const AsyncResource = read(builtin('node:async_hooks'), 'AsyncResource')
  const bind = method(AsyncResource, 'bind')
  const bound: unknown = bind && Reflect.apply(bind, AsyncResource, [fn])
  return isFunction(bound) ? bound : fn
}

function channelOf(name: keyof FlybackEvents): Channel | undefined {
  if (!channels.has(name)) {
    const open = method(diagnosticsChannel(), 'channel')
    const channel: unknown = open && Reflect.apply(open, undefined, [name])
    channels.set(name, isChannel(channel) ? channel : undefined)
  }
  return channels.get(name)
}

/** Whether anyone listens to one of these: what is only made to be told is not made otherwise. */
export function isObserved(...names: readonly (keyof FlybackEvents)[]): boolean {
  return names.some((name) => channelOf(name)?.hasSubscribers === true)
}

/** Tells an event, synchronously and in the caller's async context, if anyone listens. */
export function publish<Name extends keyof FlybackEvents>(
  name: Name,
  event: () => FlybackEvents[Name],
): void {
  const channel = channelOf(name)
  if (channel?.hasSubscribers === true) channel.publish(event())
}

/** A method of anything. */
export function method(
  owner: unknown,
  name: string,
): ((...args: unknown[]) => unknown) | undefined {
  const value = read(owner, name)
  return isFunction(value) ? value : undefined
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}

function isChannel(value: unknown): value is Channel {
  return method(value, 'publish') !== undefined
}
