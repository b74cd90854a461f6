import type { ReplayRequired } from '../errors/replay-required.js'

/** Something a scope waits for. */
export interface Pending {
  /** Nothing of an answer is there yet: a refusal may still come. */
  readonly pending: boolean
}

/** A checkout that a scope can take back. */
export interface Reclaimable extends Pending {
  /** Destroys the connection; from then on its handle rejects with `refusal`. */
  reclaim(refusal: ReplayRequired): void
}

/** What a scope has begun and not ended: calls that wait for an answer, and checkouts. */
export class OpenWork implements Pending {
  readonly #checkouts: Set<Reclaimable>
  readonly #calls: Set<Pending>

  /** @param shared whose work it is, too */
  constructor(shared?: OpenWork) {
    this.#checkouts = shared === undefined ? new Set() : shared.#checkouts
    this.#calls = shared === undefined ? new Set() : shared.#calls
  }

  /** Whether a call waits for a connection or for an answer: a refusal may yet come. */
  get pending(): boolean {
    for (const { pending } of this.#calls) if (pending) return true
    for (const { pending } of this.#checkouts) if (pending) return true
    return false
  }

  /** Follows a call that has no checkout, until the function returned is called. */
  follow(call: Pending): () => void {
    this.#calls.add(call)
    return () => this.#calls.delete(call)
  }

  /** Remembers a checkout until {@link forget}. */
  remember(checkout: Reclaimable): void {
    this.#checkouts.add(checkout)
  }

  forget(checkout: Reclaimable): void {
    this.#checkouts.delete(checkout)
  }

  /** Takes back every checkout left open. */
  protected takeBack(refusal: ReplayRequired): void {
    for (const checkout of this.#checkouts) checkout.reclaim(refusal)
    this.#checkouts.clear()
  }
}
