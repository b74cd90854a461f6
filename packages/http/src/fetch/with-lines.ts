import { privateCacheControl } from '../token/private-response.js'
import type { HeaderLine } from '../token/token-carrier.js'

/** Adds lines to a response, or to a copy of one whose headers cannot be changed. */
export function withLines<T extends Response>(
  response: T,
  lines: readonly HeaderLine[],
): T | Response {
  if (lines.length === 0) return response
  const { body, status, statusText } = response
  // One without a body may be a constant of the app that answers every client: what is one client's goes into a copy.
  if (body === null && status >= 200) return copyWith(response, lines)
  try {
    addLines(response.headers, lines)
    return response
  } catch {
    // What `fetch` gave. An upgrade cannot be copied, and has no client that reads it.
    return status < 200 ? response : copyWith(response, lines)
  }

  function copyWith(given: Response, added: readonly HeaderLine[]): Response {
    const headers = new Headers(given.headers)
    addLines(headers, added)
    return new Response(body, { status, statusText, headers })
  }
}

function addLines(headers: Headers, lines: readonly HeaderLine[]): void {
  headers.set('cache-control', privateCacheControl(headers.get('cache-control') ?? undefined))
  for (const [name, value] of lines) {
    if (name === 'Set-Cookie') headers.append(name, value)
    else headers.set(name, value)
  }
}
