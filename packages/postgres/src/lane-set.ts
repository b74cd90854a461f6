import { connectionError } from './connection-errors.js'
import { Lane, type LaneOptions } from './lane.js'

interface Waiting {
  readonly alone: boolean
  serve(lane: Promise<Lane>): void
  reject(error: Error): void
}

/** The connections to one endpoint: as many as the user allows, opened when needed, shared as the driver shares them. */
export class LaneSet {
  readonly #options: Omit<LaneOptions, 'onEnd'>
  readonly #lanes = new Set<Lane>()
  readonly #waiting: Waiting[] = []
  /** Why nothing is opened any more. */
  #over: Error | undefined
  readonly #closing = new Set<Promise<void>>()
  #whenDrained: (() => void)[] = []

  constructor(options: Omit<LaneOptions, 'onEnd'>) {
    this.#options = options
  }

  get link(): LaneOptions['link'] {
    return this.#options.link
  }

  /** The connections there are, the ones that connect included. */
  get size(): number {
    return this.#lanes.size
  }

  /** A lane for one statement, or `alone` for a transaction, a cursor, a COPY. First come, first served. */
  take(alone: boolean): Promise<Lane> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    if (this.#waiting.length === 0) {
      const lane = this.#pick(alone)
      if (lane !== undefined) return lane
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ alone, serve: resolve, reject })
    })
  }

  #pick(alone: boolean): Promise<Lane> | undefined {
    const usable = [...this.#lanes].filter((lane) => lane.ready && !lane.held && !lane.retiring)
    const idle = usable.find((lane) => lane.holders === 0)
    if (idle !== undefined) return Promise.resolve(hold(idle, alone))
    if (this.#lanes.size < this.#options.options.max) return this.#open(alone)
    if (alone || usable.length === 0) return undefined
    const leastBusy = usable.reduce((best, lane) => (lane.holders < best.holders ? lane : best))
    return Promise.resolve(hold(leastBusy, false))
  }

  #open(alone: boolean): Promise<Lane> {
    const lane = new Lane({
      ...this.#options,
      onEnd: (ended) => {
        this.#lanes.delete(ended)
        const { closed } = ended
        this.#closing.add(closed)
        void closed.then(() => this.#closing.delete(closed))
        this.#serve()
      },
    })
    this.#lanes.add(lane)
    hold(lane, alone)
    return lane.open().then((ready) => {
      if (!alone) this.#serve()
      return ready
    })
  }

  /** Takes back what `take` gave. */
  giveBack(lane: Lane, destroy: boolean): void {
    lane.holders--
    lane.held = false
    if (destroy) lane.retiring = true
    if (lane.holders > 0) return
    if (lane.retiring) lane.destroy()
    else lane.rest()
    this.#serve()
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const lane = this.#pick(next.alone)
      if (lane === undefined) break
      this.#waiting.shift()
      next.serve(lane)
    }
    if (this.#drained) for (const wake of this.#whenDrained.splice(0)) wake()
  }

  get #drained(): boolean {
    return this.#waiting.length === 0 && [...this.#lanes].every((lane) => lane.holders === 0)
  }

  /** Ends all connections when what is sent, held or waiting is done. */
  async end(): Promise<void> {
    if (!this.#drained) {
      await new Promise<void>((resolve) => {
        this.#whenDrained.push(resolve)
      })
    }
    this.#over ??= connectionError('CONNECTION_ENDED', this.#options.options)
    for (const lane of this.#lanes) void lane.end()
    await Promise.all(this.#closing)
  }

  /** Ends the connections there are, each when what it has is done. New ones are opened when needed. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#lanes].map(async (lane) => {
        lane.retiring = true
        if (lane.holders === 0) await lane.end()
        else await new Promise<unknown>((resolve) => lane.whenEnded(resolve))
        await lane.closed
      }),
    )
  }

  /** Ends everything at once. */
  destroy(): void {
    const destroyed = connectionError('CONNECTION_DESTROYED', this.#options.options)
    this.#over = destroyed
    for (const waiting of this.#waiting.splice(0)) waiting.reject(destroyed)
    for (const lane of this.#lanes) lane.destroy()
    this.#serve()
  }
}

function hold(lane: Lane, alone: boolean): Lane {
  if (lane.holders === 0) lane.wake()
  lane.holders++
  lane.held = alone
  return lane
}
