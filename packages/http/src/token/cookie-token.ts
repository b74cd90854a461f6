import {
  ConfigurationError,
  isContained,
  parseEntry,
  printEntry,
  type ScopeTokens,
  type TokenEntry,
} from '@flyback/core'
import { parseCookie, stringifySetCookie } from 'cookie'
import { createSigner } from './sign.js'
import type { CarriedToken, HeaderLine, TokenCarrier } from './token-carrier.js'

export interface CookieTokenOptions {
  /** What the names of the cookies begin with; apps with different clusters on one domain need different ones. @default 'flyback' */
  readonly name?: string
  /**
   * Whether the cookies are for https alone; `auto`: when the request came by https, as `X-Forwarded-Proto` says, or else its
   * connection. They are `__Host-` cookies then, unless they have a domain or a path of their own.
   *
   * @default 'auto'
   */
  readonly secure?: boolean | 'auto'
  /** The domain they are for; needs a `secret`, since other apps of the domain can set them. @default this host alone */
  readonly domain?: string
  /** @default '/' */
  readonly path?: string
  /**
   * How long a browser keeps them, in seconds. A token that every replica has caught up with costs nothing, and one that
   * is dropped early would be missed.
   *
   * @default 2592000 (30 days)
   */
  readonly maxAgeSeconds?: number
  /** Signs them with HMAC-SHA-256; several while they are rotated: the first signs. At least 32 characters. @default not signed */
  readonly secret?: string | readonly string[]
}

const NAME = /^[A-Za-z0-9_-]{1,40}$/
const DOMAIN = /^\.?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/
const PATH = /^\/[A-Za-z0-9/_.~-]*$/
const LONGEST_AGE_SECONDS = 400 * 24 * 3600
/** More than any client has at once; of more, the last are read: browsers send the newest last. */
const MAX_COOKIES = 64

interface SentCookie {
  readonly name: string
  readonly entry: TokenEntry
}

/**
 * Carries tokens in cookies. The name of each holds its position, so that a response sets its own and deletes those that it
 * contains by their very names: these commute, and whatever the order in which responses arrive, a client never holds less than it
 * did (rule 11).
 *
 * @throws ConfigurationError naming the option that cannot be used
 */
export function cookieToken(options: CookieTokenOptions = {}): TokenCarrier {
  const { name = 'flyback', secure = 'auto', domain, path = '/' } = options
  const { maxAgeSeconds = 30 * 24 * 3600, secret } = options
  check('name', NAME.test(name), 'must be of letters, digits, - and _, at most 40')
  check('secure', secure === 'auto' || typeof secure === 'boolean', "must be true, false or 'auto'")
  check('domain', domain === undefined || DOMAIN.test(domain), 'must be a domain name')
  check('path', PATH.test(path), "must begin with '/'")
  check(
    'maxAgeSeconds',
    Number.isInteger(maxAgeSeconds) && maxAgeSeconds >= 1 && maxAgeSeconds <= LONGEST_AGE_SECONDS,
    `must be a whole number of seconds from 1 to ${LONGEST_AGE_SECONDS}, which browsers cut it to`,
  )
  check(
    'domain',
    domain === undefined || secret !== undefined,
    'needs a secret: whoever has a part of the domain can set its cookies',
  )
  const signer = createSigner(secret, 'cookieToken.secret')
  const isOfHost = domain === undefined && path === '/'

  function nameOf(entry: TokenEntry, isSecure: boolean): string {
    const prefix = isSecure && isOfHost ? '__Host-' : ''
    const key =
      entry.type === 'pin'
        ? ['pin', entry.issuedAt.toString(36)]
        : [entry.cluster, entry.timeline.toString(36), entry.lsn.toString(36)]
    return `${prefix}${[name, ...key].join('-')}`
  }

  function line(cookie: string, value: string, maxAge: number, isSecure: boolean): HeaderLine {
    return [
      'Set-Cookie',
      stringifySetCookie({
        name: cookie,
        value,
        maxAge,
        path,
        ...(domain !== undefined && { domain }),
        httpOnly: true,
        secure: isSecure,
        sameSite: 'lax',
      }),
    ]
  }

  function read(header: string | undefined): SentCookie[] {
    if (header === undefined || !header.includes(`${name}-`)) return []
    const names = [`${name}-`, `__Host-${name}-`]
    return Object.entries(parseCookie(header))
      .filter(([cookie]) => names.some((start) => cookie.startsWith(start)))
      .slice(-MAX_COOKIES)
      .flatMap(([cookie, value]) => {
        const text = signer.verify(value ?? '')
        const entry = text === undefined ? undefined : parseEntry(text)
        const isOurs = entry && [true, false].some((it) => nameOf(entry, it) === cookie)
        return isOurs ? [{ name: cookie, entry }] : []
      })
  }

  return {
    name: 'cookie',
    open({ header, isEncrypted }): CarriedToken {
      const sent = read(header('cookie'))
      const given = sent.map(({ entry }) => entry)
      const isSecure =
        secure === 'auto' ? isHttps(header('x-forwarded-proto'), isEncrypted) : secure
      return {
        given: () => given,
        lines(tokens: ScopeTokens) {
          const issued = tokens.issued.filter(
            (entry) =>
              !given.some((other) => isContained(entry, other) && !tokens.retired.has(other)),
          )
          const kept = [...issued, ...given.filter((entry) => !tokens.retired.has(entry))]
          const gone = sent.filter(
            ({ entry }) =>
              tokens.retired.has(entry) ||
              kept.some(
                (other) =>
                  other !== entry && isContained(entry, other) && !isContained(other, entry),
              ),
          )
          return [
            ...issued.map((entry) =>
              line(
                nameOf(entry, isSecure),
                signer.sign(printEntry(entry)),
                maxAgeSeconds,
                isSecure,
              ),
            ),
            // A browser deletes a `__Host-` cookie only by a line that is one.
            ...gone.map((cookie) =>
              line(cookie.name, '', 0, cookie.name.startsWith('__Host-') || isSecure),
            ),
          ]
        },
      }
    },
  }

  function check(option: string, holds: boolean, expected: string): void {
    if (!holds) throw new ConfigurationError(`cookieToken.${option}`, expected)
  }
}

/** A proxy knows how the client came to it; without one the connection is the client's own. */
function isHttps(forwardedProto: string | undefined, isEncrypted: boolean): boolean {
  if (forwardedProto === undefined) return isEncrypted
  return forwardedProto.split(',', 1)[0]?.trim().toLowerCase() === 'https'
}
