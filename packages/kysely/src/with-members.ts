/**
 * The same object with some other members. Methods run on the object itself, because a class may keep its state in
 * private fields, which a derived object does not have.
 */
export function withMembers<T extends object>(
  target: T,
  members: Readonly<Record<string, unknown>>,
): T {
  const isFunction = typeof target === 'function'
  return new Proxy(target, {
    get(_target, key) {
      if (typeof key === 'string' && key in members) return members[key]
      const value: unknown = Reflect.get(target, key)
      // Neither a class nor the members of a function (postgres.js: `sql.options`) depend on `this`.
      const isMethod =
        typeof value === 'function' && !Object.hasOwn(value, 'prototype') && !isFunction
      return isMethod ? value.bind(target) : value
    },
  })
}
