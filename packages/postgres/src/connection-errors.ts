import { classifyError } from '@flyback/core'
import type { DriverQuery, ParsedOptions } from './driver-internals.js'

/** An error of a connection, as the driver makes them: it exports no way to. */
export function connectionError(code: string, { path, host, port }: ParsedOptions): Error {
  const error = new Error(`write ${code} ${path || `${host[0]}:${port[0]}`}`)
  const where = path ? { address: path } : { address: host[0], port: port[0] }
  return Object.assign(error, { code, errno: code, ...where })
}

/** What the driver answers to a BEGIN outside of `begin` and `reserve`, when it has more than one connection. */
export function unsafeTransaction(query: DriverQuery): Error {
  const code = 'UNSAFE_TRANSACTION'
  const error = new Error(`${code}: Only use sql.begin, sql.reserved or max: 1`)
  const hidden = { query: { value: query.string }, args: { value: query.args } }
  return Object.defineProperties(Object.assign(error, { code }), hidden)
}

/**
 * Whether an error means that its connection has ended, seen before the driver says so: between a socket's `error` and
 * its `close` it takes queries that nobody ever answers.
 */
export function endsConnection(error: unknown): boolean {
  const severity: unknown = Reflect.get(Object(error), 'severity')
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return severity === undefined && classifyError(error) === 'unavailable'
}
