import { ConfigurationError, parseToken, printToken, type TokenEntry } from '@flyback/core'
import { createSigner } from './sign.js'
import type { TokenCarrier } from './token-carrier.js'

export interface HeaderTokenOptions {
  /** The header of the request, and of the response. @default 'flyback-token' */
  readonly name?: string
  /** Signs it with HMAC-SHA-256; several while they are rotated: the first signs. At least 32 characters. @default not signed */
  readonly secret?: string | readonly string[]
}

const NAME = /^[A-Za-z][A-Za-z0-9-]{0,60}$/
/** What a client sends of several responses is joined by commas; the rest is not read. More than fit into the headers of a request. */
const MAX_TOKENS = 512

/**
 * Carries tokens in a header, for clients that are no browsers: they send back what the last response gave, or what all the
 * responses gave that came while others were under way, joined by commas.
 *
 * @throws ConfigurationError naming the option that cannot be used
 */
export function headerToken(options: HeaderTokenOptions = {}): TokenCarrier {
  const { name = 'flyback-token', secret } = options
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new ConfigurationError('headerToken.name', 'must be the name of a header')
  }
  const signer = createSigner(secret, 'headerToken.secret')
  const lower = name.toLowerCase()

  function read(header: string | undefined): TokenEntry[] {
    const tokens = header?.split(',', MAX_TOKENS).map((text) => signer.verify(text.trim())) ?? []
    return parseToken(tokens.filter((text) => text !== undefined).join('~'))
  }

  return {
    name: 'header',
    open({ header }) {
      const given = read(header(lower))
      return {
        given: () => given,
        lines({ issued, retired, required }) {
          if (issued.length === 0 && retired.size === 0) return []
          return [[name, required.length === 0 ? '' : signer.sign(printToken(required))]]
        },
      }
    },
  }
}
