import type { ParsedOptions, Transform } from './driver-internals.js'

/** What a lane hears of its connection. */
export interface LaneEvents {
  onParameter(name: string, value: string): void
  onClose(): void
  /** Nothing is told to the user: what goes over the connection now is ours. */
  isQuiet(): boolean
  /** The rows that come in now answer a question of ours. */
  isOwn(): boolean
}

/**
 * The options of one connection: those of its endpoint, with which it shares parsers, serialisers and the types of arrays,
 * and its own parameters, so that what a server announces is known of that connection.
 */
export function laneOptions(
  options: ParsedOptions,
  connectLimitMs: number,
  events: LaneEvents,
): object {
  const { debug, onnotice, connect_timeout, shared, transform } = options
  return {
    ...options,
    max: 1,
    parameters: {},
    transform: {
      ...transform,
      column: unlessOwn(transform.column, events),
      row: unlessOwn(transform.row, events),
    },
    shared: { retries: 0, typeArrayMap: shared.typeArrayMap },
    fetch_types: false,
    no_subscribe: true,
    connect_timeout: Math.min(
      seconds(connect_timeout) || Number.POSITIVE_INFINITY,
      connectLimitMs / 1000,
    ),
    // The driver would count a transaction between two statements as idle: see `Lane.rest`.
    idle_timeout: null,
    max_lifetime: null,
    onnotice(notice: unknown) {
      if (events.isQuiet()) return
      // As the driver does by default.
      if (onnotice === undefined) console.log(notice)
      else onnotice(notice)
    },
    onparameter: (name: string, value: string) => events.onParameter(name, value),
    onclose(id: number) {
      events.onClose()
      options.onclose?.(id)
    },
    debug:
      typeof debug === 'function'
        ? (...args: unknown[]) =>
            events.isQuiet() ? undefined : Reflect.apply(debug, undefined, args)
        : debug,
  }
}

/** A transform that what is ours goes past. What the user sets on it later counts. */
function unlessOwn(given: Transform | undefined, { isOwn }: LaneEvents): Transform | undefined {
  if (given === undefined) return undefined
  return {
    get from() {
      return isOwn() ? undefined : given.from
    },
    get to() {
      return given.to
    },
  }
}

/** An option of the driver in seconds, or a function of it; 0 when there is none. */
export function seconds(option: number | null | (() => number)): number {
  return (typeof option === 'function' ? option() : option) || 0
}
