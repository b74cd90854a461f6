import type { Answer } from './send.js'

/** The cookie of a token; what an app takes for https is up to its framework where no proxy says so. */
export const TOKEN_COOKIE: RegExp =
  /^((?:__Host-)?flyback(?:-[0-9a-z]+){3})=(1(?:\.[0-9a-z]+){4}); Max-Age=2592000; Path=\/; HttpOnly;(?: Secure;)? SameSite=Lax$/

/** What a response says of tokens. */
export function tokenLines(answer: Answer): string[] {
  return answer.all('set-cookie').filter((line) => line.includes('flyback-'))
}

/** The token cookies that a response sets, as a client sends them back. */
export function tokenOf(answer: Answer): string {
  const found = answer.all('set-cookie').flatMap((line) => {
    const [, name, value] = TOKEN_COOKIE.exec(line) ?? []
    return name === undefined ? [] : [`${name}=${value}`]
  })
  return found.join('; ')
}
