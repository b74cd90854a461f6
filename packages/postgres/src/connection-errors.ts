import { classifyError } from '@flyback/core'
import type { ParsedOptions, WrittenQuery } from './driver-internals.js'

/** An error of a connection, as the driver makes them: it exports no way to. */
export function connectionError(code: string, { path, host, port }: ParsedOptions): Error {
  const error = new Error(`write ${code} ${path || `${host[0]}:${port[0]}`}`)
  const where = path ? { address: path } : { address: host[0], port: port[0] }
  return Object.assign(error, { code, errno: code, ...where })
}

/** What the driver answers to a BEGIN outside of `begin` and `reserve`, when it has more than one connection. */
export function unsafeTransaction(query: WrittenQuery): Error {
  const code = 'UNSAFE_TRANSACTION'
  const error = new Error(`${code}: Only use sql.begin, sql.reserved or max: 1`)
  return attribute(Object.assign(error, { code }), query)
}

/** The same error of this query, where the driver has put another one's text and values on it. */
export function attributedTo(query: WrittenQuery, error: unknown): Error {
  // Before 3.4.2 the driver rejects with an object that inherits from the error.
  const { message, code, constructor: Class } = Object(error)
  const copy: Error = Reflect.construct(Error, [message], Class)
  return attribute(Object.assign(copy, error, code && { code }), query)
}

/** Notes on an error what the driver notes: hidden, because it holds values of the user. */
function attribute(error: Error, { string, args, parameters, statement }: WrittenQuery): Error {
  return Object.defineProperties(error, {
    query: { value: string },
    parameters: { value: parameters },
    args: { value: args },
    types: { value: statement?.types },
  })
}

/**
 * Whether an error means that its connection has ended, seen before the driver says so: between a socket's `error` and
 * its `close` it takes queries that nobody ever answers.
 */
export function endsConnection(error: unknown): boolean {
  const severity: unknown = Reflect.get(Object(error), 'severity')
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return severity === undefined && classifyError(error) === 'unavailable' && !isOfUser(error)
}

/** Errors that code of the user threw while the driver read an answer. */
const thrownByUser = new WeakSet()

/** Runs a callback of the user's, and remembers what it throws. */
export function ofUser<T>(callback: () => T): T {
  const note = (error: unknown): never => {
    if (typeof error === 'object' && error !== null) thrownByUser.add(error)
    throw error
  }
  try {
    const value = callback()
    // Its waiter is the driver.
    if (value instanceof Promise) value.catch(note).catch(() => {})
    return value
  } catch (error) {
    return note(error)
  }
}

/** Whether an error says nothing of the connection: errors of sockets and of the driver have an `errno`, a parser's none. */
export function isOfUser(error: unknown): boolean {
  const own = Object(error)
  // Before 3.4.2 the driver rejects with an object that inherits from the error.
  const thrown = thrownByUser.has(own) || thrownByUser.has(Object(Object.getPrototypeOf(own)))
  return thrown || !('severity' in own || 'errno' in own)
}
