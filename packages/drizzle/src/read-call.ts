import type { FlybackOptions } from '@flyback/core'

/** How `drizzle()` was called, whichever of its forms was used. */
export interface Call {
  readonly client: object | undefined
  /** The client came under its name, so that Drizzle must not ask what it is. */
  readonly named: boolean
  /** A URL, or the driver's options. */
  readonly connection: unknown
  /** Drizzle's own options. */
  readonly config: Readonly<Record<string, unknown>>
  readonly flyback: FlybackOptions | undefined
}

/** Options as callers of JavaScript give them, too. */
interface Given extends Readonly<Record<string, unknown>> {
  readonly flyback?: FlybackOptions
}

/**
 * Takes the forms apart: `(url)`, `(client)`, either with a config, or a config with `connection` or `client` in it. No
 * database at all means the one the environment names.
 */
export function readCall([first, second]: readonly unknown[]): Call {
  if (isConfig(first)) {
    const { client, connection, flyback, ...config } = first
    const given = isClient(client) ? client : undefined
    return { client: given, named: true, connection, config, flyback }
  }
  const { flyback, ...config } = isConfig(second) ? second : {}
  return isClient(first)
    ? { client: first, named: false, connection: undefined, config, flyback }
    : { client: undefined, named: false, connection: first ?? undefined, config, flyback }
}

/** Drizzle's own test asks for one of its option names, and would take `{ flyback }` for a client. */
function isConfig(value: unknown): value is Given {
  if (typeof value !== 'object' || value === null) return false
  const made: unknown = Reflect.get(value, 'constructor')
  const isPlain = typeof made !== 'function' || made.name === 'Object'
  return isPlain && typeof Reflect.get(value, 'query') !== 'function'
}

function isClient(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
