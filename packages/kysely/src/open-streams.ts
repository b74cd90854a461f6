/** Streams whose consumer may not have come to the end. */
export class OpenStreams {
  readonly #open = new Set<AsyncIterableIterator<unknown>>()

  async *add<T>(rows: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    this.#open.add(rows)
    try {
      yield* rows
    } finally {
      this.#open.delete(rows)
    }
  }

  /** Ends them, as a consumer does that leaves its loop. */
  async end(): Promise<void> {
    await Promise.allSettled([...this.#open].map(async (rows) => await rows.return?.()))
  }
}
