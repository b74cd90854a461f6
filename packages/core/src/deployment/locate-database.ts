import { type Deployment, type Environment, readVariable } from './detect-deployment.js'
import { deriveEndpoints, parsePort, WRITER_PORT } from './host-rules.js'
import { tellNotices } from './notice.js'
import {
  clusterKey,
  explicitReplica,
  noReplica,
  type ResolveOptions,
  resolveEndpoints,
  rewritesLoopback,
} from './resolve-endpoints.js'
import { type Servers, serverAt } from './server.js'

/** What a driver's own options say of the database, under the names most drivers use. */
export interface ConnectionFields {
  readonly url?: string | undefined
  /** The option that holds {@link url}, for errors. @default 'connectionString' */
  readonly urlOption?: string | undefined
  readonly host?: string | undefined
  readonly port?: string | number | undefined
  readonly database?: string | undefined
  readonly user?: string | undefined
}

/** Where a driver would connect. */
export type DatabaseSource = {
  /** By its own option or variable, as far as one names it. */
  readonly database?: string | undefined
} & (
  | { readonly type: 'url'; readonly url: string; readonly setting: string }
  | {
      readonly type: 'address'
      readonly host: string
      /** As somebody wrote it: only a replica endpoint is derived from it. */
      readonly port: string | number
      /** The option or variable the port came from. */
      readonly setting: string
    }
)

/** What to give to a driver to reach an endpoint; `undefined`: its options as they are. */
export type Target = { readonly url: string } | { readonly host: string; readonly port: number }

export interface Targets {
  readonly writer: Target | undefined
  /** `undefined` when no replica endpoint is known: reads then go to the writer. */
  readonly replica: Target | undefined
  readonly cluster: string
  /** Where they lead, to be told. */
  readonly servers: Servers
}

/**
 * Where a driver would connect by its options and the environment. `DATABASE_URL` is read where drivers read nothing:
 * when neither the options nor `PGHOST` say where the database is.
 */
export function locateDatabase(fields: ConnectionFields, env: Environment): DatabaseSource {
  const { url, urlOption = 'connectionString', database: option, user } = fields
  const database = option || readVariable(env, 'PGDATABASE')
  // To a driver, an option that is empty is none.
  if (url) return { type: 'url', url, setting: urlOption, database }
  const host = fields.host || readVariable(env, 'PGHOST')
  const databaseUrl = readVariable(env, 'DATABASE_URL')
  const saysWhere = host !== undefined || fields.port || option || user
  if (!saysWhere && databaseUrl !== undefined) {
    return { type: 'url', url: databaseUrl, setting: 'DATABASE_URL', database }
  }
  const port = fields.port || readVariable(env, 'PGPORT') || WRITER_PORT
  const setting = fields.port ? 'port' : 'PGPORT'
  return { type: 'address', host: host ?? 'localhost', port, setting, database }
}

/** The endpoints of a database, as a driver takes them. Tells once why there is no replica endpoint, if there is none. */
export function targetEndpoints(
  source: DatabaseSource,
  deployment: Deployment,
  given: Omit<ResolveOptions, 'setting'>,
): Targets {
  const targets = findTargets(source, deployment, given)
  const { writer, replica } = targets
  const servers = {
    writer: serverAt(writer, source),
    replica: replica && serverAt(replica, source),
  }
  return { ...targets, servers }
}

function findTargets(
  source: DatabaseSource,
  deployment: Deployment,
  given: Omit<ResolveOptions, 'setting'>,
): Omit<Targets, 'servers'> {
  const options: ResolveOptions = { ...given, setting: source.setting }
  if (source.type === 'url') {
    const { writer, replica, cluster, notices } = resolveEndpoints(source.url, deployment, options)
    tellNotices(notices)
    return { writer, replica, cluster }
  }
  const { host, port, setting } = source
  const cluster = clusterKey(`postgres://${host.includes(':') ? `[${host}]` : host}:${port}`)
  const explicit = explicitReplica(deployment, options)
  if (explicit !== undefined) return { writer: undefined, replica: { url: explicit }, cluster }
  if (deployment.role !== 'replica') return { writer: undefined, replica: undefined, cluster }
  const address = { host, port: parsePort(String(port), setting) }
  const derived = deriveEndpoints(address, { rewriteLoopback: rewritesLoopback(options) })
  if (derived.replica === undefined) {
    tellNotices([noReplica(deployment, derived.why)])
    return { writer: undefined, replica: undefined, cluster }
  }
  return { writer: derived.writer, replica: derived.replica, cluster }
}
