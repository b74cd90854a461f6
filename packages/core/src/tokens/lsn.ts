const TEXT = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i

/** The largest position there can be: 64 bits. */
export const MAX_LSN: bigint = 0xffff_ffff_ffff_ffffn

/**
 * A position in the write-ahead log, as the server prints it (`16/B374D848`); `undefined` for anything else.
 *
 * @see https://www.postgresql.org/docs/18/datatype-pg-lsn.html (read 2026-11-25)
 */
export function parseLsn(text: unknown): bigint | undefined {
  const match = typeof text === 'string' ? TEXT.exec(text) : null
  return match ? BigInt(`0x${match[1]}`) * 0x1_0000_0000n + BigInt(`0x${match[2]}`) : undefined
}

/** As the server prints it. Only ever made of a number: nothing of a request gets into SQL text. */
export function printLsn(lsn: bigint): string {
  const bits = BigInt.asUintN(64, lsn)
  return `${(bits >> 32n).toString(16)}/${(bits & 0xffff_ffffn).toString(16)}`.toUpperCase()
}
