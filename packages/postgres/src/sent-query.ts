import type { DriverQuery, QueryOptions } from './driver-internals.js'

/** Who hears what the driver does with a query. */
export interface SentQueryListener {
  onBuild(): void
  onResolve(value: unknown): void
  onReject(error: unknown): void
  onActive(active: boolean): void
  onRow(row: unknown, result: unknown): void
  onRows(rows: unknown): unknown
}

/**
 * What the driver is given in place of a query: a copy of its fields, so that what the driver leaves on it (a state,
 * serialised parameters, a statement) stays there, and the query itself can be sent again. An object that inherits from
 * the query would do the same at ten times the cost (measured: 30 and 3 microseconds).
 */
export class SentQuery {
  readonly #source: DriverQuery
  readonly #listener: SentQueryListener
  #active = false
  state: object | null
  cancelled: unknown
  options: QueryOptions
  forEachFn: ((row: unknown, result: unknown) => void) | undefined
  declare string?: string
  declare parameters?: readonly unknown[]
  declare statement?: DriverQuery['statement']
  declare args: readonly unknown[]

  constructor(
    source: DriverQuery,
    listener: SentQueryListener,
    onexecute: QueryOptions['onexecute'],
  ) {
    this.#source = source
    this.#listener = listener
    // A promise, too: nobody waits for this copy of its fields.
    void Object.assign(this, source)
    this.state = null
    this.cancelled = null
    this.#active = false
    const { options, forEachFn } = source
    this.options = onexecute === undefined ? options : { ...options, onexecute }
    this.forEachFn = forEachFn && ((row, result) => listener.onRow(row, result))
  }

  // The fields that follow are the query's own until the end: what `Object.assign` copies of them is not kept.

  /** Read first of all when the driver writes a query. */
  get strings(): readonly string[] {
    this.#listener.onBuild()
    return this.#source.strings
  }
  set strings(_copied) {}

  /** The driver's own reads the strings, too. */
  get origin(): string {
    return this.#source.origin
  }

  /** An iterator replaces it at each step. */
  get cursorFn(): ((rows: unknown) => unknown) | undefined {
    return this.#source.cursorFn && ((rows) => this.#listener.onRows(rows))
  }
  set cursorFn(_copied) {}

  get active(): boolean {
    return this.#active
  }
  set active(active) {
    if (active === this.#active) return
    this.#active = active
    // The driver's iterator of a cursor asks the query itself.
    this.#source.active = active
    this.#listener.onActive(active)
  }

  get resolve(): (value: unknown) => void {
    return (value) => this.#listener.onResolve(value)
  }
  set resolve(_copied) {}

  get reject(): (error: unknown) => void {
    return (error) => this.#listener.onReject(error)
  }
  set reject(_copied) {}
}
