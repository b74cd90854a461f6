/** What is under way, so that `end` can wait for it. */
export class Work {
  #count = 0
  #waiting: (() => void)[] = []

  /** Counts a piece of work until it settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#count++
    try {
      return await work
    } finally {
      if (--this.#count === 0) for (const wake of this.#waiting.splice(0)) wake()
    }
  }

  done(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }
}
