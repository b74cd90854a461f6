/**
 * The line between two regions as it is now. Distances and cuts may change while bytes are on the way, so the parts of
 * a connection read it each time instead of keeping a copy.
 */
export class Link {
  #oneWayMs = 0
  #silent = false
  readonly #listeners = new Set<() => void>()

  /** Milliseconds a byte needs from one end to the other. */
  get oneWayMs(): number {
    return this.#oneWayMs
  }

  /** Whether bytes wait: nothing arrives, nothing is refused, nothing is lost. */
  get silent(): boolean {
    return this.#silent
  }

  set(state: { readonly oneWayMs: number; readonly silent: boolean }): void {
    this.#oneWayMs = state.oneWayMs
    this.#silent = state.silent
    for (const listener of this.#listeners) listener()
  }

  /** Calls the listener after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
