/** The SQLSTATEs somewhere in an error, for tests: `code` and Prisma's `originalCode`, through everything it wraps. */
export function sqlstatesIn(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 5) return []
  const own = ['code', 'originalCode'].flatMap((key) => {
    const value: unknown = Reflect.get(error, key)
    return typeof value === 'string' ? [value] : []
  })
  const wrapped = ['cause', 'meta', 'driverAdapterError'].flatMap((key) =>
    sqlstatesIn(Reflect.get(error, key), depth + 1),
  )
  return [...own, ...wrapped]
}
