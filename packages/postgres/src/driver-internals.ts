import type postgres from 'postgres'

/**
 * What this package uses of postgres.js beyond its documented surface. `test/driver-internals.integration.test.ts` holds
 * each of these against every supported version.
 *
 * @see https://github.com/porsager/postgres/tree/v3.4.9/src (query.js, index.js, connection.js; read 2026-11-25)
 */
export interface DriverQuery extends Promise<unknown>, WrittenQuery {
  strings: readonly string[]
  readonly tagged: boolean
  /** Where the template stands, for the stack of errors. */
  readonly origin: string
  options: QueryOptions
  /** Called once, when the query is executed; the query is lazy until then. */
  handler: Handler
  canceller: ((query: WrittenQuery) => unknown) | null
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  /** The backend it was handed to; `null` while nothing was sent. */
  state: object | null
  active: boolean
  cancelled: unknown
  streaming?: boolean
  forEachFn?: (row: unknown, result: unknown) => void
  /** Replaced at each step of an iterator. */
  cursorFn?: (rows: unknown) => unknown
  execute(): this
  /** Rows as arrays of bytes, past all parsers. */
  raw(): this
}

export interface Handler {
  (query: WrittenQuery): unknown
  /** Whether each query notes its caller: the driver's handlers have it, and `origin` asks for it. */
  debug?: unknown
}

/** Makes a handler for a query in place of the one it has. */
export function replaceHandler(query: DriverQuery, handler: Handler): void {
  query.handler = Object.assign(handler, { debug: query.handler.debug })
}

/** What the driver notes of a query on its errors. */
export interface WrittenQuery {
  /** The text as it was sent. */
  string?: string
  parameters?: readonly unknown[]
  readonly args: readonly unknown[]
  statement?: { readonly types: readonly number[] } | null | undefined
}

export interface QueryOptions {
  simple?: boolean
  prepare?: boolean
  /** Called with the connection when the statement has been written. */
  onexecute?: (connection: { reserved: (() => void) | null }) => boolean
}

/** The options of a driver instance, as it has parsed them: given back to it, they are taken as they are. */
export interface ParsedOptions {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false | undefined
  readonly max: number
  readonly idle_timeout: number | null | (() => number)
  readonly max_lifetime: number | null | (() => number)
  readonly connect_timeout: number | null | (() => number)
  readonly fetch_types: boolean
  readonly target_session_attrs?: unknown
  readonly onnotify?: ((channel: string, payload: string) => void) | undefined
  readonly debug: unknown
  readonly onnotice: ((notice: unknown) => void) | undefined
  readonly onparameter: ((name: string, value: string) => void) | undefined
  readonly onclose: ((id: number) => void) | undefined
  readonly parameters: Record<string, string>
  readonly parsers: Record<number, Parser>
  readonly serializers: Record<number, (value: unknown) => unknown>
  readonly transform: Transforms
  readonly shared: { retries: number; typeArrayMap: Record<number, number> }
}

/** What the user wants done to what is sent and read. */
export interface Transforms {
  readonly undefined: unknown
  readonly column?: Transform
  readonly row?: Transform
}

export interface Transform {
  readonly from?: unknown
  readonly to?: unknown
}

export interface Parser {
  (text: string): unknown
  array?: boolean
}

/** A result: rows, and what the server said about them. */
export interface DriverResult extends Array<unknown> {
  readonly command: string | null
}

export type Driver = typeof postgres

/** A driver instance, seen from inside. */
export interface DriverSql {
  (first: unknown, ...rest: unknown[]): unknown
  unsafe(text: string, args?: unknown[], options?: object): DriverQuery
  file(path: unknown, args?: unknown, options?: unknown): DriverQuery
  end(options?: { timeout?: number | null }): Promise<void>
  close(): Promise<void>
  options: ParsedOptions
  begin: unknown
  largeObject(...args: unknown[]): Promise<unknown>
  subscribe: { (...args: unknown[]): Promise<unknown>; readonly sql: DriverSql }
}

/** Makes a driver instance from options or a URL, or from options that were parsed already. */
export function instance(driver: Driver, ...args: readonly unknown[]): DriverSql {
  // The driver's types know neither parsed options nor its queries' insides.
  return Reflect.apply(driver, undefined, args) as DriverSql
}
