/**
 * An object that is another one but for some of its methods. The rest runs on the object itself, private fields
 * included, and `instanceof` holds: Drizzle knows a pool by its class.
 */
export function override<T extends object>(
  target: T,
  methods: Readonly<Record<string, (...args: never[]) => unknown>>,
): T {
  return new Proxy(target, {
    get(_target, key) {
      const own = typeof key === 'string' && Object.hasOwn(methods, key) ? methods[key] : undefined
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
