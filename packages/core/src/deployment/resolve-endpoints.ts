import { checkEndpointUrl, parseDatabaseUrl } from './database-url.js'
import { type Deployment, type Environment, readVariable } from './detect-deployment.js'
import { deriveEndpoints, REPLICA_PORT, WRITER_PORT } from './host-rules.js'
import type { Notice } from './notice.js'

export interface ResolveOptions {
  /** Where `FLYBACK_REPLICA_URL` and its relatives are read from. */
  readonly env: Environment
  /**
   * The replica endpoint: one URL, or one per region. Wins over `FLYBACK_REPLICA_URL_<REGION>` and
   * `FLYBACK_REPLICA_URL`, which win over the 5432 -> 5433 convention.
   */
  readonly replicaUrl?: string | Readonly<Record<string, string>> | undefined
  /** Apply 5432 -> 5433 to loopback hosts too. @default false, or `FLYBACK_REWRITE_LOOPBACK=1` */
  readonly rewriteLoopback?: boolean | undefined
  /** The option or variable the database URL came from, for errors. @default 'DATABASE_URL' */
  readonly setting?: string | undefined
}

/** An endpoint a driver can connect to. The URL holds credentials: it is not enumerable and never printed. */
export interface Endpoint {
  readonly url: string
}

export interface Endpoints {
  /** Always reaches the primary. */
  readonly writer: Endpoint
  /** Reaches the member beside us; `undefined` when none is known: reads then go to the writer. */
  readonly replica: Endpoint | undefined
  /** Names the cluster in a scope; see {@link clusterKey}. */
  readonly cluster: string
  readonly notices: readonly Notice[]
}

/**
 * The endpoints of a database, from its URL and the deployment. Pure: no I/O.
 *
 * Outside the role `replica` the URL is not even parsed. In a replica region, explicit replica endpoints win; without
 * one, port 5433 is derived where Fly's convention is known to hold (see docs/endpoints.md), else `replica` is
 * `undefined` and a notice says why.
 *
 * @throws {@link ConfigurationError} when a URL that must be understood cannot be; it names the setting, never the value
 */
export function resolveEndpoints(
  databaseUrl: string,
  deployment: Deployment,
  options: ResolveOptions,
): Endpoints {
  const untouched = endpoint(databaseUrl)
  const cluster = clusterKey(databaseUrl)
  if (deployment.role !== 'replica') {
    return { writer: untouched, replica: undefined, cluster, notices: [] }
  }
  const explicit = explicitReplica(deployment, options)
  if (explicit !== undefined) {
    return { writer: untouched, replica: endpoint(explicit), cluster, notices: [] }
  }
  const url = parseDatabaseUrl(databaseUrl, options.setting ?? 'DATABASE_URL')
  const derived = deriveEndpoints(url.address, { rewriteLoopback: rewritesLoopback(options) })
  if (derived.replica === undefined) {
    return {
      writer: untouched,
      replica: undefined,
      cluster,
      notices: [noReplica(deployment, derived.why)],
    }
  }
  return {
    writer:
      derived.writer.port === url.address.port
        ? untouched
        : endpoint(url.withPort(derived.writer.port)),
    replica: endpoint(url.withPort(derived.replica.port)),
    cluster,
    notices: [],
  }
}

/**
 * Names a cluster by its writer endpoint, `host:port`: two pools over one cluster share a key, so that a scope that wrote
 * through one does not read a replica through the other. Holds no credentials; total.
 */
export function clusterKey(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'default'
  const url = new URL(databaseUrl)
  const host = url.searchParams.get('host') ?? url.hostname
  const port = url.searchParams.get('port') ?? url.port
  return `${host.toLowerCase()}:${port === '' || Number(port) === REPLICA_PORT ? WRITER_PORT : port}`
}

/** The replica endpoint somebody configured for this region, if any. */
export function explicitReplica(
  deployment: Deployment,
  options: ResolveOptions,
): string | undefined {
  const region = deployment.region
  if (deployment.role !== 'replica' || region === undefined) return undefined
  const { replicaUrl } = options
  if (typeof replicaUrl === 'string') return checkEndpointUrl(replicaUrl, 'replicaUrl')
  if (replicaUrl !== undefined && Object.hasOwn(replicaUrl, region)) {
    const url = replicaUrl[region]
    if (url !== undefined) return checkEndpointUrl(url, `replicaUrl.${region}`)
  }
  for (const name of [
    `FLYBACK_REPLICA_URL_${region.toUpperCase().replaceAll('-', '_')}`,
    'FLYBACK_REPLICA_URL',
  ]) {
    const url = readVariable(options.env, name)
    if (url !== undefined) return checkEndpointUrl(url, name)
  }
  return undefined
}

/** Whether 5432 -> 5433 applies to loopback hosts: the option, else `FLYBACK_REWRITE_LOOPBACK=1`. */
export function rewritesLoopback(options: ResolveOptions): boolean {
  return options.rewriteLoopback ?? readVariable(options.env, 'FLYBACK_REWRITE_LOOPBACK') === '1'
}

/** The notice that reads will go to the writer, and why. */
export function noReplica(deployment: Deployment, why: string): Notice {
  return {
    code: 'FLYBACK_NO_REPLICA',
    message:
      `Reads in ${deployment.region} go to the primary in ${deployment.primaryRegion}: ${why}. ` +
      'Set FLYBACK_REPLICA_URL (or FLYBACK_REPLICA_URL_<REGION>) to the replica of this region',
  }
}

function endpoint(url: string): Endpoint {
  return Object.defineProperty({ url: '' }, 'url', {
    value: url,
    enumerable: false,
    writable: false,
  })
}
