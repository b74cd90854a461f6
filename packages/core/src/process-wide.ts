/**
 * The one thing of a name in this process, made when it is first asked for. Under a global symbol: an app may load this package
 * more than once (two versions, ESM beside CommonJS, a bundle for each route), and what is counted or shared there is the process's.
 *
 * @example
 * const told = processWide('notices', Set<string>)
 */
export function processWide<T extends object>(name: string, Kind: new () => T): T {
  const key = Symbol.for(`flyback.${name}`)
  const existing: unknown = Reflect.get(globalThis, key)
  if (existing instanceof Kind) return existing
  const created = new Kind()
  Reflect.set(globalThis, key, created)
  return created
}
