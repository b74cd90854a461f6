import { MAX_LSN } from './lsn.js'
import { furthest, MAX_ISSUED_AT, MAX_TIMELINE, type TokenEntry } from './token.js'

const VERSION = '1'
const SEPARATOR = '~'
const ENTRY = /^1\.([0-9a-z]{1,10})\.([0-9a-z]{1,7})\.([0-9a-z]{1,13})\.([0-9a-z]{1,7})$/
const PIN = /^1\.pin\.([0-9a-z]{1,7})$/
/** More than fit into the headers of a request; the rest of a longer text is not read. */
const MAX_ENTRIES = 1024
/** More than any app has. */
const MAX_CLUSTERS = 16

/** An entry in its compact form: version, cluster, timeline, position and issue time, all in base 36. */
export function printEntry(entry: TokenEntry): string {
  const issuedAt = entry.issuedAt.toString(36)
  if (entry.type === 'pin') return [VERSION, 'pin', issuedAt].join('.')
  const { cluster, timeline, lsn } = entry
  return [VERSION, cluster, timeline.toString(36), lsn.toString(36), issuedAt].join('.')
}

/** What {@link printEntry} printed; `undefined` for anything else. */
export function parseEntry(text: string): TokenEntry | undefined {
  const pin = PIN.exec(text)
  if (pin !== null) {
    const [, issuedAt = ''] = pin
    return { type: 'pin', issuedAt: Number.parseInt(issuedAt, 36) }
  }
  const [, cluster, timelineText = '', lsnText = '', issuedAtText = ''] = ENTRY.exec(text) ?? []
  if (cluster === undefined) return undefined
  const timeline = Number.parseInt(timelineText, 36)
  const lsn = parseBase36(lsnText)
  const issuedAt = Number.parseInt(issuedAtText, 36)
  if (timeline < 1 || timeline > MAX_TIMELINE || lsn > MAX_LSN || issuedAt > MAX_ISSUED_AT) {
    return undefined
  }
  return { type: 'position', cluster, timeline, lsn, issuedAt }
}

/** A token: entries in one text, safe in a cookie, a header and a URL. */
export function printToken(entries: readonly TokenEntry[]): string {
  return entries.map(printEntry).join(SEPARATOR)
}

/** The entries of one or more tokens in a text, the furthest of each cluster; what is no entry is left out. */
export function parseToken(text: string): TokenEntry[] {
  const parts = text.split(/[~,\s]+/, MAX_ENTRIES)
  const entries = parts.map(parseEntry).filter((entry) => entry !== undefined)
  return furthest(entries).slice(0, MAX_CLUSTERS)
}

function parseBase36(text: string): bigint {
  let value = 0n
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value
}
