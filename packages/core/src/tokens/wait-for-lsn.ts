import { printLsn } from './lsn.js'

/** The first major version that can wait by itself. */
const FIRST_VERSION = 19
/** How long one statement waits: a pooled connection is lent to it for no longer. */
const SLICE_MS = 10

/**
 * The statement with which a server waits for a position a moment; `undefined` where it has to be polled. The server gives it one
 * row, whatever comes of it. Written from the documentation: no release with it was at hand when this was made.
 *
 * @see https://www.postgresql.org/docs/19/sql-wait-for.html (read 2026-11-25)
 */
export function waitStatement(serverVersion: number | undefined, lsn: bigint): string | undefined {
  if (serverVersion === undefined || serverVersion < FIRST_VERSION) return undefined
  return `wait for lsn '${printLsn(lsn)}' with (timeout '${SLICE_MS}ms', no_throw)`
}
