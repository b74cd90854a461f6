/** What a visitor got for one request. */
export interface Answer {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly status: number
  /** The path it redirects to. */
  readonly location: string | undefined
  /** The heading of the page. */
  readonly heading: string | undefined
  /** The region of the app that made the page. */
  readonly madeIn: string | undefined
  /** The names of the cookies it set. */
  readonly cookies: readonly string[]
  readonly requestId: string
  readonly durationMs: number
}

/** A browser without a window: it keeps cookies, and follows redirects. */
export class Visitor {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  /** @param origin where the visitor comes in */
  constructor(origin: string) {
    this.#origin = origin
  }

  /** Opens a page, or sends a form. Resolves to each answer on the way to the last. */
  async visit(path: string, form?: Readonly<Record<string, string>>): Promise<Answer[]> {
    const answer = await this.#send(path, form)
    const { location } = answer
    return location === undefined ? [answer] : [answer, ...(await this.visit(location))]
  }

  async #send(path: string, form?: Readonly<Record<string, string>>): Promise<Answer> {
    const method = form === undefined ? 'GET' : 'POST'
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const startedMs = performance.now()
    const response = await fetch(`${this.#origin}${path}`, {
      method,
      redirect: 'manual',
      headers: cookie === '' ? {} : { cookie },
      ...(form && { body: new URLSearchParams(form) }),
    })
    const html = await response.text()
    return {
      method,
      path,
      status: response.status,
      location: response.headers.get('location') ?? undefined,
      heading: /<h1>(.*?)<\/h1>/.exec(html)?.[1],
      madeIn: /made in (\w+)/.exec(html)?.[1],
      cookies: response.headers.getSetCookie().map((line) => this.#keep(line)),
      requestId: response.headers.get('fly-request-id') ?? '',
      durationMs: performance.now() - startedMs,
    }
  }

  #keep(setCookie: string): string {
    const [pair = '', ...attributes] = setCookie.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const isOver = attributes.some((attribute) => attribute.toLowerCase() === 'max-age=0')
    if (isOver) this.#cookies.delete(name)
    else this.#cookies.set(name, pair.slice(name.length + 1))
    return name
  }
}
