import { readFile } from 'node:fs/promises'
import type { DriverQuery, DriverSql } from './driver-internals.js'
import { isQuery } from './query-text.js'

/** Makes a query run somewhere when it is executed. @param read gets its text from a file */
export type Adopt = (query: DriverQuery, read?: () => Promise<string>) => DriverQuery

/** What every sql function of the driver has: the pool's, a transaction's, a reserved one's. */
export interface SqlFunction {
  (first: unknown, ...rest: unknown[]): unknown
  unsafe(...args: unknown[]): DriverQuery
  file(...args: unknown[]): DriverQuery
}

/**
 * A sql function whose queries, fragments and helpers are the driver's own, made by an instance that never connects; only
 * where they run is ours.
 */
export function createSqlFunction(
  template: DriverSql,
  adopt: Adopt,
  notify: (channel: string, payload: unknown) => Promise<unknown>,
): SqlFunction {
  function sql(first: unknown, ...rest: unknown[]): unknown {
    const built = template(first, ...rest)
    return isQuery(built) ? adopt(built) : built
  }
  function unsafe(...args: unknown[]): DriverQuery {
    return adopt(Reflect.apply(template.unsafe, undefined, args))
  }
  function file(...args: unknown[]): DriverQuery {
    const [path] = args
    // What the driver accepts as a path is what Node accepts.
    const read = (): Promise<string> => readFile(path as string, 'utf8')
    return adopt(Reflect.apply(template.file, undefined, args), read)
  }
  const { types, typed, array, json } = Object(template)
  return Object.assign(sql, { types, typed, unsafe, notify, array, json, file })
}
