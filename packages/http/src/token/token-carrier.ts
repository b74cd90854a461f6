import type { ScopeTokens, TokenEntry } from '@flyback/core'
import type { ReadHeader } from '../platform/replay-platform.js'

/** What a carrier sees of a request. */
export interface TokenRequest<R = unknown> {
  /** The framework's own. */
  readonly request: R
  readonly header: ReadHeader
  /** Whether the connection itself is known to be encrypted. */
  readonly isEncrypted: boolean
}

/** A header to add to a response. */
export type HeaderLine = readonly [name: string, value: string]

/** What one request carries, and what its response has to. */
export interface CarriedToken {
  /** What the client has sent; nothing of what is malformed, or signed by nobody. Asked again as long as that is nothing. */
  given(): readonly TokenEntry[]
  /** Hears of the token, each time it grows. */
  readonly onCapture?: (token: string) => void
  /** What is to be added to the headers of the final response. */
  lines(tokens: ScopeTokens): readonly HeaderLine[]
}

/** How tokens travel between a client and the app: {@link cookieToken}, {@link headerToken} or {@link storedToken}. */
export interface TokenCarrier<R = unknown> {
  readonly name: string
  open(request: TokenRequest<R>): CarriedToken
}
