import { walkError } from '../errors/walk-error.js'
import type { Connection } from './connection.js'

const origins = new WeakMap<object, Connection>()

/** Remembers which connection an error was thrown on; returns whether it is the first that anyone knows of. */
export function rememberOrigin(error: object, connection: Connection): boolean {
  const first = !origins.has(error)
  origins.set(error, connection)
  return first
}

/**
 * The connection an error of a driver was thrown on, however it was wrapped since. Adapters built on others ask for it,
 * to know which member answered.
 */
export function originOf(error: unknown): Connection | undefined {
  for (const link of walkError(error)) {
    const origin = origins.get(link)
    if (origin !== undefined) return origin
  }
  return undefined
}
