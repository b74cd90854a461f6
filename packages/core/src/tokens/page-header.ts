const PAGE_BYTES = 8192n
const SEGMENT_BYTES = 16n * 1024n * 1024n
const SHORT_HEADER_BYTES = 24n
const LONG_HEADER_BYTES = 40n

/**
 * Where a record really ended: the insert position of a primary points past the header of the page that comes next, which a
 * replica reaches only with the next record. With pages and segments of the default size; others only wait longer.
 *
 * @see https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/access/xlog_internal.h (read 2026-11-25)
 */
export function stepBackOverPageHeader(lsn: bigint): bigint {
  const isFirstOfSegment = lsn % SEGMENT_BYTES === LONG_HEADER_BYTES
  if (isFirstOfSegment) return lsn - LONG_HEADER_BYTES
  return lsn % PAGE_BYTES === SHORT_HEADER_BYTES ? lsn - SHORT_HEADER_BYTES : lsn
}
