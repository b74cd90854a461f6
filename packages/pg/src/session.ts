import { Connection, type Link } from '@flyback/core'

/** The part of pg's Connection that tells a role and a transaction's state, as events of the protocol. */
interface ConnectionLike {
  on(
    event: 'parameterStatus',
    fn: (m: { parameterName: string; parameterValue: string }) => void,
  ): unknown
  on(event: 'readyForQuery', fn: (message: { status?: string }) => void): unknown
  on(event: 'end' | 'error', fn: () => void): unknown
}

/** How long a statement in flight may take to end before a connection nobody holds any more is cut. */
const IDLE_TIMEOUT_MS = 5000

const sessions = new WeakMap<object, Session>()

/** What is known about the connection behind a client of ours. */
export function sessionOf(client: object): Session | undefined {
  return sessions.get(client)
}

/** What pg's own connection tells, and when nothing is in flight on it. */
export class Session extends Connection {
  #observed = false
  #waitingReady: (() => void)[] = []
  #waitingIdle: (() => void)[] = []
  readonly #waitingLost = new Set<() => void>()

  readonly #ask: (statement: string) => Promise<readonly unknown[]>

  constructor(link: Link, client: object, ask: (statement: string) => Promise<readonly unknown[]>) {
    super(link)
    this.#ask = ask
    sessions.set(client, this)
  }

  override ask(statement: string): Promise<readonly unknown[]> {
    return this.#ask(statement)
  }

  override hear(text: string | undefined): void {
    // Behind others that were not awaited nobody knows yet what it begins in.
    super.hear(this.busy ? undefined : text)
  }

  /** Listens before the client connects: the first announcements come with the connection. */
  observe(connection: ConnectionLike): void {
    this.#observed = true
    connection.on('parameterStatus', (message) => {
      this.learn(message.parameterName, message.parameterValue)
    })
    connection.on('readyForQuery', (message) => {
      // The caller went back to a savepoint: what fails from here on is not the refusal's doing.
      if (this.status === 'E' && message.status === 'T') this.firstRefusal = undefined
      this.status = message.status ?? this.status
      this.#waitingReady = wake(this.#waitingReady)
    })
    const end = (): void => {
      this.lost = true
      this.settle()
      for (const tell of this.#waitingLost) tell()
      this.#waitingLost.clear()
    }
    connection.on('end', end)
    connection.on('error', end)
  }

  /** All statements were answered, or never will be. */
  settle(): void {
    this.busy = false
    this.#waitingReady = wake(this.#waitingReady)
    this.#waitingIdle = wake(this.#waitingIdle)
  }

  /** Resolves when the server has ended its answer to the current statement, announcements included. */
  ready(): Promise<void> {
    if (!this.#observed || this.lost) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waitingReady.push(resolve)
    })
  }

  /** Calls back when the connection has ended, or at once; returns a function that takes the wish back. */
  whenLost(tell: () => void): () => void {
    if (this.lost) process.nextTick(tell)
    else this.#waitingLost.add(tell)
    return () => this.#waitingLost.delete(tell)
  }

  /** Resolves to `false` when a statement takes too long (a cursor left open). */
  override idle(): Promise<boolean> {
    if (!this.busy) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_TIMEOUT_MS, false)
      timer.unref?.()
      this.#waitingIdle.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }
}

function wake(waiting: readonly (() => void)[]): [] {
  for (const resolve of waiting) resolve()
  return []
}
