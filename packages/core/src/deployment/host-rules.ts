import { ConfigurationError } from '../errors/configuration-error.js'

export const WRITER_PORT = 5432
export const REPLICA_PORT = 5433

/** One network address of a Postgres server. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What is known of a host: where its replica endpoint is, or why none is known. */
type HostKind = 'fly' | 'fly-managed' | 'loopback' | 'unknown'

interface HostRule {
  readonly kind: HostKind
  readonly matches: RegExp
}

/**
 * Hosts we know, first match wins. Fly's own names are used as they are: neither `top1.nearest.of.*` nor `*.flycast`
 * takes a region prefix.
 *
 * @see https://github.com/fly-apps/postgres-flex (5432 is HAProxy on every member, 5433 the member; read 2026-11-23)
 * @see https://fly.io/docs/mpg/ (managed Postgres documents no regional replica and no 5433; read 2026-11-23)
 */
const HOST_RULES: readonly HostRule[] = [
  { kind: 'fly-managed', matches: /(?:^|\.)flympg\.net$/i },
  { kind: 'fly', matches: /\.(?:internal|flycast)$/i },
  { kind: 'loopback', matches: /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i },
]

const NO_REPLICA: Readonly<Record<Exclude<HostKind, 'fly'>, string>> = {
  'fly-managed': 'Fly Managed Postgres documents no replica endpoint in other regions',
  loopback:
    'a loopback host is rewritten only on request (rewriteLoopback, FLYBACK_REWRITE_LOOPBACK=1)',
  unknown: 'nothing is known of a replica endpoint on this host',
}

/** The two endpoints of an address, or why no replica endpoint is known for it. */
export type DerivedEndpoints =
  | { readonly writer: Address; readonly replica: Address; readonly why: undefined }
  | { readonly writer: Address; readonly replica: undefined; readonly why: string }

/**
 * Derives the endpoints of a database address: 5432 reaches the primary, 5433 the member beside us, where that
 * convention is known to hold. An address that already says 5433 is a hand-made rewrite and is read as 5432.
 */
export function deriveEndpoints(
  address: Address,
  options: { readonly rewriteLoopback: boolean },
): DerivedEndpoints {
  const kind = HOST_RULES.find((rule) => rule.matches.test(address.host))?.kind ?? 'unknown'
  if (kind !== 'fly' && !(kind === 'loopback' && options.rewriteLoopback)) {
    return { writer: address, replica: undefined, why: NO_REPLICA[kind] }
  }
  if (address.port !== WRITER_PORT && address.port !== REPLICA_PORT) {
    return {
      writer: address,
      replica: undefined,
      why: `port ${address.port} is neither ${WRITER_PORT} (the primary) nor ${REPLICA_PORT} (the member beside us)`,
    }
  }
  return {
    writer: { host: address.host, port: WRITER_PORT },
    replica: { host: address.host, port: REPLICA_PORT },
    why: undefined,
  }
}

/** Parses a port, or throws a {@link ConfigurationError} that names the setting. */
export function parsePort(text: string, setting: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port >= 1 && port <= 65_535) return port
  throw new ConfigurationError(setting, 'has a port that is not a number from 1 to 65535')
}
