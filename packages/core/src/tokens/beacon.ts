import { isAhead, type Position } from './token.js'

/** How often the primary is asked, as a part of the smallest age asked for. */
const PART = 4
const SHORTEST_MS = 50
const LONGEST_MS = 5000
/** How long it goes on when nobody asks. */
const IDLE_MS = 10_000
const MAX_SAMPLES = 64

interface Sample {
  /** On the monotonic clock of this process, before the question was sent: what the primary had flushed then, it has here. */
  readonly askedMs: number
  readonly position: Position
}

/** Asks the primary where it is. */
export type AskPrimary = () => Promise<Position | undefined>

/**
 * Where the primary was at moments this process remembers, on its own monotonic clock: no clocks are compared. Asks by itself
 * for as long as somebody wants to know.
 */
export class Beacon {
  #samples: Sample[] = []
  #asking: Promise<void> | undefined
  #wantedMs = LONGEST_MS
  #wantedAtMs = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * A position that the primary had flushed at most `ageMs` ago, as old as that may be; `undefined` when the primary does not say
   * in time.
   */
  async within(ageMs: number, ask: AskPrimary): Promise<Position | undefined> {
    const nowMs = performance.now()
    this.#wantedMs = nowMs - this.#wantedAtMs > IDLE_MS ? ageMs : Math.min(this.#wantedMs, ageMs)
    this.#wantedAtMs = nowMs
    const known = this.#find(ageMs)
    if (known !== undefined) {
      this.#schedule(ask)
      return known
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ageMs)
    })
    await Promise.race([this.#ask(ask), late])
    clearTimeout(timer)
    return this.#find(ageMs)
  }

  /** The oldest that is young enough: it is the easiest to have replayed. */
  #find(ageMs: number): Position | undefined {
    const sinceMs = performance.now() - ageMs
    return this.#samples.find(({ askedMs }) => askedMs >= sinceMs)?.position
  }

  #ask(ask: AskPrimary): Promise<void> {
    this.#asking ??= this.#sample(ask).finally(() => {
      this.#asking = undefined
      this.#schedule(ask)
    })
    return this.#asking
  }

  async #sample(ask: AskPrimary): Promise<void> {
    const askedMs = performance.now()
    const position = await ask().catch(() => undefined)
    if (position === undefined) return
    const last = this.#samples.at(-1)?.position
    // Another member answers for the primary: what the one before said is worth nothing.
    if (last !== undefined && (last.cluster !== position.cluster || isAhead(last, position))) {
      this.#samples = []
    }
    this.#samples = [...this.#samples.slice(-MAX_SAMPLES), { askedMs, position }]
  }

  #schedule(ask: AskPrimary): void {
    if (this.#timer !== undefined || this.#asking !== undefined) return
    const everyMs = Math.min(Math.max(this.#wantedMs / PART, SHORTEST_MS), LONGEST_MS)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (performance.now() - this.#wantedAtMs < IDLE_MS) void this.#ask(ask)
    }, everyMs)
    // Node's alone: it must not keep the process alive.
    unref(this.#timer)
  }
}

function unref(timer: unknown): void {
  const release: unknown =
    typeof timer === 'object' && timer !== null ? Reflect.get(timer, 'unref') : undefined
  if (typeof release === 'function') Reflect.apply(release, timer, [])
}
