const PAGE_BYTES = 8192n
const HEADER_BYTES = 24n
const FIRST_HEADER_BYTES = 40n

/**
 * Where a record really ended: the insert position of a primary points past the header of the page that comes next, which a
 * replica reaches only with the next record (10 to 20 s later on an idle primary, measured on PostgreSQL 18). Never a real end. With
 * pages of another size nothing is found, and the reader waits.
 *
 * @param segmentBytes of the server: the header of a segment's first page is longer
 * @see https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/access/xlog_internal.h (read 2026-11-25)
 */
export function stepBackOverPageHeader(lsn: bigint, segmentBytes: bigint | undefined): bigint {
  if (lsn % PAGE_BYTES === HEADER_BYTES) return lsn - HEADER_BYTES
  const isFirst = segmentBytes !== undefined && lsn % segmentBytes === FIRST_HEADER_BYTES
  return isFirst ? lsn - FIRST_HEADER_BYTES : lsn
}
