import type { Link } from './link.js'

interface Entry {
  readonly dueMs: number
  readonly size: number
  /** Hands the entry over. `false`: the receiver is full, wait for `resume()`. */
  readonly deliver: () => boolean
}

/** One direction of a connection over a link: what is added comes out in order, the link's distance later. */
export class DelayLine {
  readonly #link: Link
  readonly #onDelivered: () => void
  readonly #unsubscribe: () => void
  #entries: Entry[] = []
  #sizeBytes = 0
  #timer: NodeJS.Timeout | undefined
  #blocked = false
  #pumping = false
  #closed = false

  /** @param onDelivered called after entries left the line, so that a full line can be filled again */
  constructor(link: Link, onDelivered: () => void) {
    this.#link = link
    this.#onDelivered = onDelivered
    this.#unsubscribe = link.onChange(() => this.#pump())
  }

  /** Bytes on the way. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** @param lateMs how late it arrives, when that is not the link's distance */
  add(size: number, deliver: () => boolean, lateMs: number = this.#link.oneWayMs): void {
    if (this.#closed) return
    this.#entries.push({ dueMs: performance.now() + lateMs, size, deliver })
    this.#sizeBytes += size
    this.#pump()
  }

  /** The receiver has room again. */
  resume(): void {
    this.#blocked = false
    this.#pump()
  }

  /** Forgets what is on the way and stops listening to the link; what is added later never arrives. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#unsubscribe()
    this.#entries = []
    this.#sizeBytes = 0
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    clearTimeout(this.#timer)
    let delivered = false
    let entry = this.#entries[0]
    while (entry !== undefined && !this.#blocked && !this.#link.silent) {
      const waitMs = entry.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs))
        break
      }
      this.#entries.shift()
      this.#sizeBytes -= entry.size
      delivered = true
      if (!entry.deliver()) this.#blocked = true
      entry = this.#entries[0]
    }
    this.#pumping = false
    if (delivered) this.#onDelivered()
  }
}
