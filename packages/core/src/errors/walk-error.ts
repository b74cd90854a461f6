const MAX_DEPTH = 5
const MAX_LINKS = 64

/**
 * Yields an error and everything it wraps, breadth first: `cause`, `errors` (AggregateError), Prisma's
 * `meta.driverAdapterError`. Links may be plain objects. Total, bounded and cycle-safe for any value.
 *
 * @see docs/errors.md for the shapes each driver and ORM throws
 */
export function walkError(error: unknown): object[] {
  const seen = new Set<object>()
  let level: unknown[] = [error]
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: unknown[] = []
    for (const value of level) {
      if (!isObject(value) || seen.has(value)) continue
      if (seen.size === MAX_LINKS) return [...seen]
      seen.add(value)
      next.push(read(value, 'cause'), read(read(value, 'meta'), 'driverAdapterError'))
      next.push(...list(read(value, 'errors')))
    }
    level = next
  }
  return [...seen]
}

/** Reads a property of anything; a getter or proxy that throws reads as `undefined`. */
export function read(value: unknown, key: string): unknown {
  if (!isObject(value)) return undefined
  try {
    return Reflect.get(value, key)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function list(value: unknown): unknown[] {
  try {
    return Array.isArray(value) ? value.slice(0, MAX_LINKS) : []
  } catch {
    return []
  }
}
