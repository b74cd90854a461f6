import { clusterHash } from './cluster-hash.js'
import { parseLsn } from './lsn.js'

/**
 * What a member says of itself in one statement; any role may ask it, whatever its search path. The order counts: what a standby has received is read after
 * what it has replayed.
 *
 * - its timeline, as a lower bound: on a standby from the control file, which follows a promotion late, and from the WAL receiver,
 *   which shows it at once but only to `pg_read_all_stats`; on a primary from the name of the WAL file it writes
 *
 * @see https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-ADMIN-BACKUP (read 2026-11-25)
 * @see https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-INFO-CONTROLDATA (read 2026-11-25)
 */
const POSITION = `select r::pg_catalog.text as r,
(case when r then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_flush_lsn() end)::pg_catalog.text as p,
(case when r then pg_catalog.pg_last_wal_receive_lsn() else pg_catalog.pg_current_wal_insert_lsn() end)::pg_catalog.text as a,
pg_catalog.current_setting('synchronous_commit') as s`
const IDENTITY = `(select system_identifier from pg_catalog.pg_control_system())::pg_catalog.text as i,
greatest((select timeline_id from pg_catalog.pg_control_checkpoint()),
(select min_recovery_end_timeline from pg_catalog.pg_control_recovery()),
(select received_tli from pg_catalog.pg_stat_wal_receiver))::pg_catalog.text as t,
case when not r then pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) end as w,
pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))::pg_catalog.text as g`
const FROM = 'from (select pg_catalog.pg_is_in_recovery()) m(r)'

/** Where a member is. */
export const POSITION_STATEMENT: string = `${POSITION}
${FROM}`

/** Where it is, and on which timeline of which cluster. */
export const IDENTITY_STATEMENT: string = `${POSITION},
${IDENTITY}
${FROM}`

/** What a member said. */
export interface MemberAnswer {
  readonly inRecovery: boolean
  /** Replayed by a standby, flushed by a primary. */
  readonly lsn: bigint
  /** Received by a standby, inserted by a primary; a standby that restores from an archive has received nothing. */
  readonly ahead: bigint | undefined
  /** Whether commits of the session are acknowledged before they are flushed. */
  readonly commitsAsynchronously: boolean
  /** @default not asked, or not to be had */
  readonly cluster: string | undefined
  /** A lower bound. @default not asked, or not to be had */
  readonly timeline: number | undefined
  /** @default not asked */
  readonly segmentBytes: bigint | undefined
}

/** Reads one row; `undefined` when it is none that the statements above give. */
export function readMember(row: readonly unknown[]): MemberAnswer | undefined {
  const [recovery, position, further, synchronous, identifier, controlled, walFile, segment] = row
  const lsn = parseLsn(position)
  if ((recovery !== 'true' && recovery !== 'false') || lsn === undefined) return undefined
  const timeline = Math.max(numberOf(controlled, 10), timelineOf(walFile))
  return {
    inRecovery: recovery === 'true',
    lsn,
    ahead: parseLsn(further),
    commitsAsynchronously: synchronous === 'off',
    cluster:
      typeof identifier === 'string' && identifier !== '' ? clusterHash(identifier) : undefined,
    timeline: timeline > 0 ? timeline : undefined,
    segmentBytes:
      typeof segment === 'string' && /^[1-9]\d{0,12}$/.test(segment) ? BigInt(segment) : undefined,
  }
}

/** The first eight digits of a WAL file's name. */
function timelineOf(walFile: unknown): number {
  return typeof walFile === 'string' ? numberOf(walFile.slice(0, 8), 16) : 0
}

function numberOf(text: unknown, radix: number): number {
  const number = typeof text === 'string' ? Number.parseInt(text, radix) : 0
  return Number.isNaN(number) ? 0 : number
}
