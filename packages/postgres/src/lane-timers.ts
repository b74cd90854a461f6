import { runOutsideScope } from '@flyback/core/scope'
import type { ParsedOptions } from './driver-internals.js'
import { seconds } from './lane-options.js'

type Limits = Pick<ParsedOptions, 'idle_timeout' | 'max_lifetime'>

/** `idle_timeout` and `max_lifetime` of one connection. The driver's own would count a held one as idle. */
export class LaneTimers {
  readonly #limits: Limits
  #idle: NodeJS.Timeout | undefined
  #life: NodeJS.Timeout | undefined

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** It is connected. */
  start(expire: () => void): void {
    this.#life = after(this.#limits.max_lifetime, expire)
  }

  /** Nobody uses it. */
  rest(end: () => void): void {
    this.#idle = after(this.#limits.idle_timeout, end)
  }

  /** Somebody does. */
  wake(): void {
    clearTimeout(this.#idle)
  }

  stop(): void {
    clearTimeout(this.#idle)
    clearTimeout(this.#life)
  }
}

function after(limit: Limits[keyof Limits], work: () => void): NodeJS.Timeout | undefined {
  const limitMs = seconds(limit) * 1000
  return limitMs === 0 ? undefined : runOutsideScope(() => setTimeout(work, limitMs))
}
