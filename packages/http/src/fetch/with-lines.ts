import { privateCacheControl } from '../token/private-response.js'
import type { HeaderLine } from '../token/token-carrier.js'

/** Adds lines to a response, or to a copy of one whose headers cannot be changed. */
export function withLines<T extends Response>(
  response: T,
  lines: readonly HeaderLine[],
): T | Response {
  if (lines.length === 0) return response
  try {
    addLines(response.headers, lines)
    return response
  } catch {
    // A redirect, or what `fetch` gave. An upgrade cannot be copied, and has no client that reads it.
    const { body, status, statusText } = response
    if (status < 200) return response
    const headers = new Headers(response.headers)
    addLines(headers, lines)
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
