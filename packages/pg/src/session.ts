import {
  type ConnectionFacts,
  type EndpointName,
  isCommit,
  isReplayRequired,
  learnParameter,
  PrimaryUnavailable,
  type Reclaimable,
  type ReplayRequired,
  type Router,
  type Scope,
  takesAdvisoryLock,
  unknownFacts,
} from '@flyback/core'
import type { Settings } from './plan-connections.js'

/** What the connections of one endpoint share. */
export interface Link {
  readonly router: Router
  readonly settings: Settings
  readonly endpoint: EndpointName
  /** Grows when the endpoint is seen to have changed members: older connections are retired at checkout. */
  epoch: number
  /** When a read-only primary was last tried with a new connection, on the monotonic clock. */
  lastProbeMs: number
}

/** A link nothing is known of yet. */
export function createLink(router: Router, settings: Settings, endpoint: EndpointName): Link {
  return { router, settings, endpoint, epoch: 0, lastProbeMs: Number.NEGATIVE_INFINITY }
}

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

/** One connection: its facts, its transaction, and whose it is at the moment. */
export class Session implements Reclaimable {
  readonly link: Link
  readonly facts: ConnectionFacts = unknownFacts()
  readonly epoch: number
  /** `I` idle, `T` in a transaction, `E` in a failed one; as of the last answer. */
  status: string = 'I'
  /** The connection has ended. Some drivers' errors do not say so. */
  lost = false
  /** Statements sent and not yet answered in full. */
  busy = false
  /** The refusal the open transaction met first. */
  firstRefusal: ReplayRequired | undefined
  /** The primary announced a read-only default, and a new connection may find that over. */
  wantsProbe = false
  /** The scope this checkout was made in, for callers that lost their context. */
  scope: Scope | undefined
  #reclaimed: ReplayRequired | undefined
  #destroy: (() => void) | undefined
  #observed = false
  #waitingReady: (() => void)[] = []
  #waitingIdle: (() => void)[] = []

  constructor(link: Link, client: object) {
    this.link = link
    this.epoch = link.epoch
    sessions.set(client, this)
  }

  /** Listens before the client connects: the first announcements come with the connection. */
  observe(connection: ConnectionLike): void {
    this.#observed = true
    connection.on('parameterStatus', (message) => {
      learnParameter(this.facts, message.parameterName, message.parameterValue)
      const demoted = this.link.endpoint === 'writer' && this.facts.inHotStandby === true
      if (demoted && this.epoch === this.link.epoch) this.link.epoch++
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

  /** Resolves when nothing is in flight on this connection; to `false` when that takes too long (a cursor left open). */
  idle(): Promise<boolean> {
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

  /** Where this connection leads in fact: a replica that was promoted is a writer. */
  get #leadsTo(): EndpointName {
    return this.facts.inHotStandby === false ? 'writer' : this.link.endpoint
  }

  /** Why a statement must not be sent on this connection, if it must not. */
  refusalBeforeSending(scope: Scope | undefined, text: string | undefined): Error | undefined {
    const { router, endpoint, settings } = this.link
    if (this.#reclaimed !== undefined) return this.#reclaimed
    if (scope?.refusal !== undefined) return scope.refusal
    if (endpoint === 'writer') {
      return this.facts.inHotStandby === true
        ? new PrimaryUnavailable({ reason: 'standby' })
        : undefined
    }
    // It would read the past of what the scope wrote; only the COMMIT of a transaction that was open reads nothing.
    const ends = this.status !== 'I' && text !== undefined && isCommit(text)
    if (router.isBehind(scope, this.#leadsTo) && !ends) return router.refuse(scope, 'mixed-reads')
    const locks = settings.refuseAdvisoryLocks && text !== undefined && takesAdvisoryLock(text)
    return locks && router.role === 'replica' && this.#leadsTo === 'replica'
      ? router.refuse(scope, 'known-write')
      : undefined
  }

  /** Marks the scope and this connection before a statement goes out. */
  beginSending(scope: Scope | undefined): void {
    this.link.router.enter(scope, this.#leadsTo)
    if (this.status === 'I' && !this.busy) this.firstRefusal = undefined
    this.busy = !this.lost
  }

  /**
   * A statement was answered. A promotion is announced with the answer of the first statement after it, which may have
   * written: the scope stays here then.
   */
  endSending(scope: Scope | undefined): void {
    if (this.#leadsTo === 'writer' && scope?.refusal === undefined) {
      this.link.router.enter(scope, 'writer')
    }
  }

  /** Remembers what an error means for this connection. */
  note(error: unknown): void {
    if (isReplayRequired(error)) this.firstRefusal ??= error
    if (error instanceof PrimaryUnavailable && error.reason === 'read-only') this.wantsProbe = true
  }

  /** A checkout begins; `destroy` ends the connection for good. */
  lend(scope: Scope | undefined, destroy: () => void): void {
    this.scope = scope
    this.#destroy = destroy
    scope?.remember(this)
  }

  /** The checkout is over. */
  giveBack(): void {
    this.scope?.forget(this)
    this.scope = undefined
    this.#destroy = undefined
  }

  get isReclaimed(): boolean {
    return this.#reclaimed !== undefined
  }

  reclaim(refusal: ReplayRequired): void {
    this.#reclaimed = refusal
    const destroy = this.#destroy
    // A statement in flight may have no one waiting: let it end well rather than reject into the void.
    void this.idle().then(() => destroy?.())
  }
}

function wake(waiting: readonly (() => void)[]): [] {
  for (const resolve of waiting) resolve()
  return []
}
