import type { MemberPlace } from '../engine.js'

export type Settings = Readonly<Record<string, string | number | boolean>>

/** What every member starts from; `settings` of the lab come after it and win. */
const DEFAULTS: Settings = {
  wal_level: 'replica',
  max_wal_senders: 20,
  max_replication_slots: 20,
  // A replica that was away for a while streams on; nothing in a lab lives long enough to fill a disk with it.
  wal_keep_size: '1GB',
  hot_standby: true,
  // Its default of 5 s is the slowest part of every restart (measured 2026-11).
  wal_retrieve_retry_interval: '200ms',
  max_connections: 100,
  max_prepared_transactions: 8,
  shared_buffers: '16MB',
  min_wal_size: '16MB',
  max_wal_size: '64MB',
  // The data is thrown away, and without it a killed process still loses nothing: only the machine could.
  fsync: false,
  password_encryption: 'scram-sha-256',
  log_line_prefix: '%m [%p] %q%a %d ',
}

/** Loopback only, with password; the same for members and for applications. */
export const HBA_FILE = `host all all 127.0.0.0/8 scram-sha-256
host replication all 127.0.0.0/8 scram-sha-256
`

/** The lines for postgresql.conf. Clones copy the file, so nothing in it belongs to one member. */
export function configurationFile(settings: Settings): string {
  return Object.entries({ ...DEFAULTS, ...settings })
    .map(([name, value]) => `${name} = ${quote(value)}\n`)
    .join('')
}

/** What differs between members goes on the command line, where no copied file can overwrite it. */
export function commandLine(place: MemberPlace, user: string, passwordFile: string): string[] {
  const { host, port } = place.upstream
  const settings: Settings = {
    listen_addresses: place.host,
    port: place.port,
    unix_socket_directories: '',
    cluster_name: place.region,
    primary_conninfo:
      `host=${host} port=${port} user=${user} passfile=${passwordFile} ` +
      `application_name=${place.region} sslmode=disable gssencmode=disable`,
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function quote(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
