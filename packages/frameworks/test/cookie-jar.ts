/** The cookies of one visitor, by their names alone. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  receive({ headers }: Response): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      if (attributes.includes('Max-Age=0')) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(at + 1))
    }
  }

  /** Whether there is one whose name begins so. */
  has(start: string): boolean {
    return [...this.#cookies.keys()].some((name) => name.startsWith(start))
  }

  /** As it is sent. */
  get header(): string {
    return [...this.#cookies].map((pair) => pair.join('=')).join('; ')
  }
}
