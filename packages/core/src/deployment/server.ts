import type { DatabaseSource, Target } from './locate-database.js'

/** Where an endpoint leads, as it may be told: never a user or a password. What is not known is `undefined`. */
export interface Server {
  readonly address: string | undefined
  readonly port: number | undefined
  readonly database: string | undefined
}

export interface Servers {
  readonly writer: Server
  /** `undefined` when there is no replica endpoint. */
  readonly replica: Server | undefined
}

const DEFAULT_PORT = 5432
/** One host, and one name. */
const HOST = /^[^,@\s]+$/
const DATABASE = /^[^/\s]+$/

/** The server behind a target; behind the source itself when a driver takes that as it is. Total. */
export function serverAt(target: Target | undefined, source: DatabaseSource): Server {
  const { database } = source
  const at = target ?? (source.type === 'url' ? { url: source.url } : source)
  if ('url' in at) return serverOfUrl(at.url, database)
  const port = Number(at.port)
  return server(at.host, Number.isSafeInteger(port) ? port : undefined, database)
}

function serverOfUrl(text: string, database: string | undefined): Server {
  if (!URL.canParse(text)) return server(undefined, undefined, database)
  const { hostname, port, pathname, searchParams } = new URL(text)
  // `user:12/34@host`: a password that was not encoded, cut in the wrong places.
  if (pathname.includes('@')) return server(undefined, undefined, database)
  const path = decode(pathname.slice(1)) || database
  const host = searchParams.get('host') ?? decode(hostname.replace(/^\[(.*)\]$/, '$1'))
  return server(host, Number(searchParams.get('port') ?? port) || DEFAULT_PORT, path)
}

function server(
  address: string | undefined,
  port: number | undefined,
  database: string | undefined,
): Server {
  return {
    address: address !== undefined && HOST.test(address) ? address : undefined,
    port,
    database: database !== undefined && DATABASE.test(database) ? database : undefined,
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
