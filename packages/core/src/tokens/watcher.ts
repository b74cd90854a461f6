import type { Position } from './token.js'

const FIRST_POLL_MS = 1
const LONGEST_POLL_MS = 25
const GROWTH = 1.6
/** How long an endpoint that kept somebody waiting for too long is taken to be behind without a wait. */
const STALE_MS = 1000
const MAX_WAITERS = 512

/** Asks a member of the endpoint where it is, on a connection of its own for that moment; `undefined` when it does not say. */
export type Poll = (wanted: Position) => Promise<bigint | undefined>

interface Waiter {
  readonly position: Position
  done(isWorthALook: boolean): void
}

/**
 * Waits for the members of an endpoint, for many at once: whoever waits holds no connection (rule 13). It only says when to look
 * again; what counts is what the connection that will serve says.
 */
export class Watcher {
  readonly #waiters = new Set<Waiter>()
  #isPolling = false
  #seen = 0n
  #received = 0n
  #staleUntilMs = Number.NEGATIVE_INFINITY
  /** What was waited for in vain: it is looked for a while longer, so that its coming is known at once. */
  #missed: Position | undefined

  /** A member of the endpoint is this far. @param received what it has, replayed or not */
  saw(lsn: bigint, received: bigint = lsn): void {
    if (received > this.#received) this.#received = received
    // Also when it was seen so far before: by another of its members, or just before somebody began to wait.
    for (const waiter of this.#waiters) if (waiter.position.lsn <= lsn) waiter.done(true)
    if (lsn <= this.#seen) return
    this.#seen = lsn
    // It moves again: whoever comes next may wait.
    if (this.#missed !== undefined && this.#missed.lsn <= lsn) this.#missed = undefined
  }

  /** Whether it is known to be behind so far that waiting is in vain. */
  isStale({ lsn }: Position): boolean {
    return this.#missed !== undefined && lsn > this.#seen && performance.now() < this.#staleUntilMs
  }

  /**
   * Resolves to `true` when it is worth looking again, to `false` when the time is over, when too many wait, or when waiting has
   * just been in vain.
   */
  wait(position: Position, timeoutMs: number, poll: Poll): Promise<boolean> {
    if (timeoutMs <= 0 || this.#waiters.size >= MAX_WAITERS || this.isStale(position)) {
      return Promise.resolve(false)
    }
    return new Promise((resolve) => {
      const waiter: Waiter = {
        position,
        done: (isWorthALook) => {
          clearTimeout(timer)
          this.#waiters.delete(waiter)
          resolve(isWorthALook)
        },
      }
      const timer = setTimeout(() => {
        // Only of what it has received is it known that it exists: a token that was made up must keep nobody else from waiting.
        if (position.lsn <= this.#received) {
          this.#staleUntilMs = performance.now() + STALE_MS
          this.#missed = position
        }
        waiter.done(false)
      }, timeoutMs)
      this.#waiters.add(waiter)
      if (!this.#isPolling) void this.#pollOn(poll)
    })
  }

  async #pollOn(poll: Poll): Promise<void> {
    this.#isPolling = true
    let delayMs = FIRST_POLL_MS
    for (let next = this.#nearest(); next !== undefined; next = this.#nearest()) {
      const before = this.#seen
      const lsn = await poll(next).catch(() => undefined)
      if (lsn !== undefined) this.saw(lsn)
      else if (this.#waiters.size === 0) break
      // What moves is asked often; what stands still, less and less.
      delayMs = this.#seen > before ? FIRST_POLL_MS : Math.min(delayMs * GROWTH, LONGEST_POLL_MS)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
    this.#isPolling = false
  }

  #nearest(): Position | undefined {
    let nearest: Position | undefined
    for (const { position } of this.#waiters) {
      if (nearest === undefined || position.lsn < nearest.lsn) nearest = position
    }
    if (nearest !== undefined || this.#missed === undefined) return nearest
    return this.isStale(this.#missed) ? this.#missed : undefined
  }
}
