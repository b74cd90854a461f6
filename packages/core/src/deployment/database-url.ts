import { ConfigurationError } from '../errors/configuration-error.js'
import { type Address, parsePort, WRITER_PORT } from './host-rules.js'

/** A parsed `postgres://` URL. Only the address is ever changed; all else stays as written. */
export interface DatabaseUrl {
  readonly address: Address
  /** The same URL, credentials and parameters untouched, with another port. */
  withPort(port: number): string
}

/**
 * Parses a Postgres connection URL that must be understood to find its replica endpoint.
 *
 * Takes `postgres://` and `postgresql://`, IPv6 hosts, a missing port (5432), and the `?host=` / `?port=` form.
 *
 * @param setting the option or variable the URL came from, for errors
 * @throws {@link ConfigurationError} naming `setting`, without any part of the value
 */
export function parseDatabaseUrl(text: string, setting: string): DatabaseUrl {
  const url = parse(text, setting)
  const hostParameter = url.searchParams.get('host')
  const portParameter = url.searchParams.get('port')
  const host = hostParameter ?? decode(url.hostname, setting)
  if (host.includes(',') || (portParameter ?? '').includes(',')) throw severalHosts(setting)
  if (host.startsWith('/') || host === '') {
    throw new ConfigurationError(
      setting,
      'names a Unix socket or no host: set FLYBACK_REPLICA_URL to say where the replica of this region is',
    )
  }
  const port = portParameter ?? url.port
  return {
    address: {
      host: host.replace(/^\[|\]$/g, ''),
      port: port === '' ? WRITER_PORT : parsePort(port, setting),
    },
    withPort(next) {
      const copy = new URL(url.href)
      if (portParameter === null) copy.port = String(next)
      else copy.search = replaceParameter(copy.search, 'port', String(next))
      return copy.href
    },
  }
}

/**
 * Checks that a URL given for an endpoint is one a driver can use, and returns where it leads when it says so.
 *
 * @throws {@link ConfigurationError} naming `setting`, without any part of the value
 */
export function checkEndpointUrl(text: string, setting: string): string {
  parse(text, setting)
  return text
}

function parse(text: string, setting: string): URL {
  // A comma in the authority is the multi-host form, which no URL parser takes.
  const authority = /^[a-z]+:\/\/[^/?#]*/i.exec(text)?.[0] ?? ''
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(',')) throw severalHosts(setting)
  if (!/^postgres(?:ql)?:\/\//i.test(text)) {
    throw new ConfigurationError(setting, 'is not a postgres:// or postgresql:// URL')
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  // Drivers decode both, and what some throw then names nothing.
  if (url === undefined || !isEncoded(url.username) || !isEncoded(url.password)) {
    throw new ConfigurationError(
      setting,
      'is not a valid URL (a password with special characters must be percent-encoded)',
    )
  }
  return url
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function decode(host: string, setting: string): string {
  try {
    return decodeURIComponent(host)
  } catch {
    throw new ConfigurationError(setting, 'has a host that is not validly percent-encoded')
  }
}

function severalHosts(setting: string): ConfigurationError {
  return new ConfigurationError(
    setting,
    'names several hosts: give one for the writer and set FLYBACK_REPLICA_URL for the replica of this region',
  )
}

/** Replaces one query parameter in place; URLSearchParams would re-encode all the others. */
function replaceParameter(search: string, name: string, value: string): string {
  const pairs = search.replace(/^\?/, '').split('&')
  return `?${pairs.map((pair) => (pair.startsWith(`${name}=`) ? `${name}=${value}` : pair)).join('&')}`
}
