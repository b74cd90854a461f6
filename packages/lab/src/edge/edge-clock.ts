import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

/** The time an edge lives by, so that tests decide when a TTL or a timeout has passed. */
export interface EdgeClock {
  /** Milliseconds since the epoch; fractions carry microseconds. */
  nowMs(): number
  /** Resolves when the time has passed or the signal is aborted, whichever is first. Never rejects. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>
}

/** The computer's own clock. It does not jump when the wall clock is set. */
export const systemClock: EdgeClock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  sleep: (delayMs, signal) => setTimeout(delayMs, undefined, { signal }).catch(() => undefined),
}
