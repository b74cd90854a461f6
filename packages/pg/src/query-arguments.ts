/** pg's callback, as its own types leave it. */
export type QueryCallback = (error: unknown, result?: unknown) => void

/**
 * What pg 8.23.1 reads of a config.
 *
 * @see https://github.com/brianc/node-postgres/blob/master/packages/pg/lib/query.js (read 2026-11-24)
 */
const CONFIG_KEYS = [
  'text',
  'values',
  'name',
  'rowMode',
  'rows',
  'types',
  'binary',
  'portal',
  'queryMode',
  'query_timeout',
] as const

/** Older copies of pg (8.16) write our callback into the caller's config, and would find it there the next time. */
export function copyOf(config: unknown): unknown {
  if (typeof config !== 'object' || config === null) return config
  const prototype: unknown = Object.getPrototypeOf(config)
  const copy: object = Object.create(
    typeof prototype === 'object' ? prototype : null,
    Object.getOwnPropertyDescriptors(config),
  )
  // A getter of the config's class may read private fields, which a copy does not have.
  for (const key of CONFIG_KEYS) {
    if (!(key in config) || Object.hasOwn(config, key)) continue
    const value: unknown = Reflect.get(config, key)
    Object.defineProperty(copy, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return copy
}

/** The SQL of a string, a config or a Submittable. */
export function textOf(config: unknown): string | undefined {
  if (typeof config === 'string') return config
  const text: unknown =
    typeof config === 'object' && config !== null ? Reflect.get(config, 'text') : undefined
  return typeof text === 'string' ? text : undefined
}

/** pg takes a callback in three places. */
export function callbackOf(
  config: unknown,
  values: unknown,
  callback: unknown,
): QueryCallback | undefined {
  const own: unknown =
    typeof config === 'object' && config !== null ? Reflect.get(config, 'callback') : undefined
  for (const candidate of [callback, typeof values === 'function' ? values : undefined, own]) {
    if (!candidate) continue
    if (typeof candidate !== 'function') throw new TypeError('callback is not a function')
    return (...args) => {
      Reflect.apply(candidate, undefined, args)
    }
  }
  return undefined
}
