import { parseToken } from '@flyback/core'
import type { Entry } from '../history/history.ts'
import { CookieJar } from '../world/cookie-jar.ts'

/** What a client has. */
export class Client {
  readonly jar: CookieJar = new CookieJar()
  /** What its last answer gave to hand on. */
  last: { readonly request: number; readonly token: string } | undefined

  /** What its cookies say together. */
  get token(): Entry[] {
    return parseToken(this.jar.values.join('~')).map((entry): Entry => {
      if (entry.type === 'pin') return entry
      return { type: 'position', timeline: entry.timeline, lsn: entry.lsn }
    })
  }
}

/** The clients of a run, made when they are first needed. */
export class Clients {
  readonly #clients = new Map<number, Client>()

  get(number: number): Client {
    const known = this.#clients.get(number) ?? new Client()
    this.#clients.set(number, known)
    return known
  }
}
