/** The cookies of one client: by name, set and deleted in the order the answers arrive. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get values(): string[] {
    return [...this.#cookies.values()]
  }

  /** Takes the `set-cookie` headers of an answer. */
  take(setCookies: readonly string[]): void {
    for (const text of setCookies) {
      const [pair = '', ...attributes] = text.split(';').map((part) => part.trim())
      const [name = '', ...rest] = pair.split('=')
      const isOver = attributes.some((attribute) => {
        const [key = '', value = ''] = attribute.split('=')
        if (key.toLowerCase() === 'max-age') return Number(value) <= 0
        return key.toLowerCase() === 'expires' && Date.parse(value) < Date.now()
      })
      if (isOver) this.#cookies.delete(name)
      else this.#cookies.set(name, rest.join('='))
    }
  }
}
