import type { ReplayRequired } from '../errors/replay-required.js'
import type { Reclaimable } from '../scope/open-work.js'
import type { Scope } from '../scope/scope-state.js'

/** What is lent to one caller at a time, and what a scope that ended in a replay takes back. */
export class Lendable implements Reclaimable {
  /** Statements sent and not yet answered in full. */
  busy = false
  /** The rows of a stream have begun to come: the statement in flight was not refused. */
  delivering = false
  /** The scope this checkout was made in, for callers that lost their context. */
  scope: Scope | undefined
  #reclaimedBy: ReplayRequired | undefined
  #destroy: (() => void) | undefined

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

  get pending(): boolean {
    return this.busy && !this.delivering
  }

  get isReclaimed(): boolean {
    return this.#reclaimedBy !== undefined
  }

  /** The refusal of the scope that took it back: whoever still holds it gets nothing else. */
  get reclaimedBy(): ReplayRequired | undefined {
    return this.#reclaimedBy
  }

  /** Resolves when nothing is in flight on this connection; to `false` when that takes too long. */
  idle(): Promise<boolean> {
    return Promise.resolve(!this.busy)
  }

  reclaim(refusal: ReplayRequired): void {
    this.#reclaimedBy = refusal
    const destroy = this.#destroy
    // A statement in flight may have no one waiting: let it end well rather than reject into the void.
    void this.idle().then(() => destroy?.())
  }
}
