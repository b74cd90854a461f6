import { read, walkError } from './walk-error.js'

/**
 * What an error says about the server that answered, before anyone asks which server that was.
 *
 * - `refused`: the statement writes, locks or needs a primary
 * - `ambiguous`: the code can mean that, and the routine that would tell was not kept
 * - `aborted`: the transaction had failed before; the first error tells why
 * - `recovery-conflict`: replay on a standby cancelled the query; on a primary, a serialization failure
 * - `unavailable`: the server could not be reached, or ended the session
 * - `other`: none of these
 */
export type ErrorVerdict =
  | 'refused'
  | 'ambiguous'
  | 'aborted'
  | 'recovery-conflict'
  | 'unavailable'
  | 'other'

interface Rule {
  readonly sqlstate: string
  /** Server routines for which the rule holds; `any` when the code alone decides. */
  readonly routines: readonly string[] | 'any'
  readonly verdict: ErrorVerdict
}

/**
 * Measured on PostgreSQL 18.4 and 15.18 (packages/core/test/fixtures/errors); routines from the server's source.
 * A code listed with routines is `ambiguous` when the driver dropped the routine, and `other` for any other routine:
 * 0A000 is also "cached plan must not change result type", 55000 also `currval` before `nextval`.
 *
 * @see https://www.postgresql.org/docs/18/hot-standby.html#HOT-STANDBY-USERS (read 2026-11-23)
 */
const RULES: readonly Rule[] = [
  { sqlstate: '25006', routines: 'any', verdict: 'refused' },
  {
    sqlstate: '0A000',
    routines: [
      'call_bool_check_hook', // SET transaction_read_only = off, BEGIN READ WRITE
      'call_enum_check_hook', // BEGIN ISOLATION LEVEL SERIALIZABLE
      'GetSerializableTransactionSnapshot', // default_transaction_isolation = serializable
      'get_relation_info', // an unlogged table
    ],
    verdict: 'refused',
  },
  {
    sqlstate: '55000',
    routines: [
      'pg_current_wal_lsn',
      'pg_current_wal_insert_lsn',
      'pg_current_wal_flush_lsn',
      'pg_switch_wal',
      'pg_create_restore_point',
      'pg_walfile_name',
      'pg_walfile_name_offset',
    ],
    verdict: 'refused',
  },
  {
    sqlstate: 'XX000',
    routines: ['XLogBeginInsert', 'GetNewObjectId'], // pg_logical_emit_message; large objects before PG 16
    verdict: 'refused',
  },
  { sqlstate: '25P02', routines: 'any', verdict: 'aborted' },
  { sqlstate: '40001', routines: 'any', verdict: 'recovery-conflict' },
  { sqlstate: '40P01', routines: 'any', verdict: 'recovery-conflict' },
  { sqlstate: '57P01', routines: 'any', verdict: 'unavailable' },
  { sqlstate: '57P02', routines: 'any', verdict: 'unavailable' },
  { sqlstate: '57P03', routines: 'any', verdict: 'unavailable' },
]

/** Codes that are not SQLSTATEs: Node's socket errors, postgres.js, Prisma. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'P1001',
])

const SQLSTATE = /^[0-9A-Z]{5}$/

/** Classifies any thrown value by SQLSTATE, then routine. Total; never reads a message or a class name. */
export function classifyError(error: unknown): ErrorVerdict {
  for (const link of walkError(error)) {
    const verdict = classifyLink(link)
    if (verdict !== 'other') return verdict
  }
  return 'other'
}

function classifyLink(link: object): ErrorVerdict {
  const code = read(link, 'code')
  if (typeof code === 'string' && UNREACHABLE.has(code)) return 'unavailable'
  const sqlstate = sqlstateOf(link)
  if (sqlstate === undefined) return 'other'
  if (sqlstate.startsWith('08')) return 'unavailable'
  const rule = RULES.find((candidate) => candidate.sqlstate === sqlstate)
  if (rule === undefined) return 'other'
  if (rule.routines === 'any') return rule.verdict
  const routine = read(link, 'routine')
  if (typeof routine !== 'string') return 'ambiguous'
  return rule.routines.includes(routine) ? rule.verdict : 'other'
}

/**
 * The SQLSTATE of one link. `P2039`, `EPIPE` and others look like one, so `code` counts only beside a `severity`;
 * Prisma keeps the server's own in `originalCode`.
 */
export function sqlstateOf(link: unknown): string | undefined {
  const original = read(link, 'originalCode')
  if (typeof original === 'string' && SQLSTATE.test(original)) return original
  const code = read(link, 'code')
  return typeof code === 'string' &&
    SQLSTATE.test(code) &&
    typeof read(link, 'severity') === 'string'
    ? code
    : undefined
}
