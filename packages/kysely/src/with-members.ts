/**
 * The same object with some other members. Methods run on the object itself, because a class may keep its state in
 * private fields, which a derived object does not have.
 */
export function withMembers<T extends object>(
  target: T,
  members: Readonly<Record<string, unknown>>,
): T {
  const isFunction = typeof target === 'function'
  // A proxy may not give another member than a frozen target has: it stands before an empty one of the same class.
  const front: object = isFunction ? target : Object.create(Object.getPrototypeOf(target))
  const proxy = new Proxy(front, {
    has: (_target, key) => key in target,
    set: (_target, key, value) => Reflect.set(target, key, value),
    get(_target, key) {
      if (typeof key === 'string' && key in members) return members[key]
      const value: unknown = Reflect.get(target, key)
      // Neither a class nor the members of a function (postgres.js: `sql.options`) depend on `this`.
      const isMethod =
        typeof value === 'function' && !Object.hasOwn(value, 'prototype') && !isFunction
      return isMethod ? value.bind(target) : value
    },
  })
  // All it has is what the target has.
  return proxy as T
}
