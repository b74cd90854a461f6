import { ConfigurationError, parseToken, tellNotices } from '@flyback/core'
import type { TokenCarrier } from './token-carrier.js'

/** @typeParam R the framework's own request */
export interface StoredTokenOptions<R> {
  /** The token that was stored, if any. Asked when the first statement needs it, and again as long as there is none. */
  readonly read: (request: R) => string | undefined
  /**
   * Stores it; called each time it grows, before the call that has written resolves. When it throws, the client reads without
   * that token, and a warning says so: what was committed cannot be taken back.
   */
  readonly write: (request: R, token: string) => void
}

/**
 * Keeps tokens where the app keeps its sessions, on the server. Not for sessions that are themselves read from a replica: they
 * would be read without a token.
 *
 * @throws ConfigurationError naming the option that cannot be used
 *
 * @example
 * flyback({
 *   token: storedToken({
 *     read: (req) => req.session?.flyback,
 *     write: (req, token) => { req.session.flyback = token },
 *   }),
 * })
 */
export function storedToken<R>({ read, write }: StoredTokenOptions<R>): TokenCarrier<R> {
  if (typeof read !== 'function')
    throw new ConfigurationError('storedToken.read', 'must be a function')
  if (typeof write !== 'function') {
    throw new ConfigurationError('storedToken.write', 'must be a function')
  }
  return {
    name: 'store',
    open: ({ request }) => ({
      given: () => parseToken(readSafely(read, request) ?? ''),
      onCapture: (token) => writeSafely(write, request, token),
      lines: () => [],
    }),
  }
}

/** Before the session is there, there is no token. */
function readSafely<R>(read: (request: R) => unknown, request: R): string | undefined {
  try {
    const token = read(request)
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}

function writeSafely<R>(
  write: (request: R, token: string) => unknown,
  request: R,
  token: string,
): void {
  try {
    const stored = write(request, token)
    // Nobody waits for it, and nobody else would hear that it failed.
    if (stored instanceof Promise) stored.catch(tellNotStored)
  } catch {
    tellNotStored()
  }
}

function tellNotStored(): void {
  const message = 'storedToken.write threw: a client may read the past of what it has written'
  tellNotices([{ code: 'FLYBACK_TOKEN_NOT_STORED', message }])
}
