import { randomBytes } from 'node:crypto'
import type { Cluster } from './cluster.js'
import type { CreateDatabaseOptions, LabDatabase, LabEndpoint } from './lab.js'
import { LabError } from './lab-error.js'
import { caughtUp } from './replication.js'

const STATEMENT_TIMEOUT_MS = 30_000

/** Creates a database on the primary and waits until the replicas have it. */
export async function createDatabase(
  cluster: Cluster,
  url: (region: string, endpoint: LabEndpoint, database: string) => string,
  options: CreateDatabaseOptions,
): Promise<LabDatabase> {
  const name = checkName(options.name ?? `db_${randomBytes(6).toString('hex')}`)
  const template = checkName(options.template ?? 'template1')
  // file_copy sends no blocks to the replicas: they copy their own template. Measured: half the time of wal_log.
  await onPrimary(cluster, `create database "${name}" template "${template}" strategy file_copy`)
  await caughtUp(cluster)
  let dropped: Promise<void> | undefined
  const drop = () =>
    (dropped ??= onPrimary(cluster, `drop database if exists "${name}" with (force)`))
  return {
    name,
    url: (region, endpoint) => url(region, endpoint, name),
    drop,
    [Symbol.asyncDispose]: drop,
  }
}

async function onPrimary(cluster: Cluster, sql: string): Promise<void> {
  const options = { timeoutMs: STATEMENT_TIMEOUT_MS }
  await cluster.connect(cluster.primaryRegion, (client) => client.query(sql), options)
}

function checkName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) return name
  throw new LabError(
    `'${name}' cannot name a database here: a letter, then up to 62 letters, digits or _`,
  )
}
