/** pg's callback, as its own types leave it. */
export type QueryCallback = (error: unknown, result?: unknown) => void

/** Older copies of pg (8.16) write our callback into the caller's config, and would find it there the next time. */
export function copyOf(config: unknown): unknown {
  if (typeof config !== 'object' || config === null) return config
  const prototype: unknown = Object.getPrototypeOf(config)
  return Object.create(
    typeof prototype === 'object' ? prototype : null,
    Object.getOwnPropertyDescriptors(config),
  )
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
