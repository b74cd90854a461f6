import {
  ConfigurationError,
  clusterKey,
  createRouter,
  type Deployment,
  deriveEndpoints,
  detectDeployment,
  type EndpointName,
  type Environment,
  explicitReplica,
  noReplica,
  parsePort,
  type ResolveOptions,
  type Router,
  readVariable,
  resolveEndpoints,
  rewritesLoopback,
  staticPrimary,
  tellNotices,
} from '@flyback/core'
import { CHOICES, type ClientConfig, type FlybackOptions } from './flyback-options.js'

/** How a pool or client connects. */
export interface Plan<Config> {
  /** What to give to pg for connections to {@link local}. */
  readonly config: Config
  /** `undefined` in the role `single`: pg alone does everything. */
  readonly routing: Routing<Config> | undefined
}

export interface Routing<Config> {
  readonly router: Router
  readonly settings: Settings
  /** The endpoint that {@link Plan.config} leads to. */
  readonly local: EndpointName
  /** What to give to pg for the writer endpoint, when {@link local} is the replica. */
  readonly writerConfig: Config | undefined
}

export interface Settings {
  readonly refuseAdvisoryLocks: boolean
  readonly writerDeadlineMs: number
}

const DEFAULT_PORT = 5432

/**
 * Plans the connections of a pool or client, from pg's options, ours and the environment.
 *
 * @throws {@link ConfigurationError} naming the option or variable at fault
 */
export function planConnections<Config extends ClientConfig>(
  given: Config | undefined,
): Plan<Config> {
  const { flyback = {}, ...rest } = given ?? {}
  // TypeScript cannot see that a generic without one optional key is still that generic.
  const bare = keepPassword(rest as Config, given)
  const env = flyback.env ?? globalThis.process.env
  const deployment = detectDeployment(env)
  checkOptions(flyback)
  const source = connectionSource(bare, env)
  const config = source.type === 'url' ? withUrl(bare, source.url) : bare
  tellNotices(deployment.notices)
  if (deployment.role === 'single') return { config, routing: undefined }
  const resolve: ResolveOptions = {
    env,
    replicaUrl: flyback.replicaUrl,
    rewriteLoopback: flyback.rewriteLoopback,
    setting: source.setting,
  }
  const { replica, writer, cluster } =
    source.type === 'url'
      ? endpointsOfUrl(bare, source.url, deployment, resolve)
      : endpointsOfAddress(bare, source, deployment, resolve)
  const router = createRouter({
    deployment,
    locator: flyback.locator ?? staticPrimary(deployment),
    cluster,
    hasReplica: replica !== undefined,
    whenReplicaDown: flyback.whenReplicaDown ?? 'forward',
  })
  return {
    config: replica ?? writer,
    routing: {
      router,
      settings: {
        refuseAdvisoryLocks: (flyback.advisoryLocks ?? 'refuse') === 'refuse',
        writerDeadlineMs: flyback.writerDeadlineMs ?? 5000,
      },
      local: replica === undefined ? 'writer' : 'replica',
      writerConfig: replica === undefined ? undefined : writer,
    },
  }
}

type Source =
  | { readonly type: 'url'; readonly url: string; readonly setting: string }
  | AddressSource

/** The port is as somebody wrote it: only a replica endpoint is derived from it. */
interface AddressSource {
  readonly type: 'address'
  readonly host: string
  readonly port: string | number
  /** The option or variable the port came from, for errors. */
  readonly setting: string
}

/**
 * Where pg would connect. `DATABASE_URL` is read where pg reads nothing: when neither the options nor `PGHOST` say where
 * the database is.
 */
function connectionSource(config: ClientConfig, env: Environment): Source {
  if (config.connectionString !== undefined) {
    return { type: 'url', url: config.connectionString, setting: 'connectionString' }
  }
  const host = config.host ?? readVariable(env, 'PGHOST')
  const databaseUrl = readVariable(env, 'DATABASE_URL')
  const saysWhere = host !== undefined || config.port !== undefined || config.database !== undefined
  if (!saysWhere && config.user === undefined && databaseUrl !== undefined) {
    return { type: 'url', url: databaseUrl, setting: 'DATABASE_URL' }
  }
  const port = config.port ?? readVariable(env, 'PGPORT') ?? DEFAULT_PORT
  const setting = config.port === undefined ? 'PGPORT' : 'port'
  return { type: 'address', host: host ?? 'localhost', port, setting }
}

interface Configs<Config> {
  readonly writer: Config
  readonly replica: Config | undefined
  readonly cluster: string
}

function endpointsOfUrl<Config extends ClientConfig>(
  config: Config,
  url: string,
  deployment: Deployment,
  options: ResolveOptions,
): Configs<Config> {
  const endpoints = resolveEndpoints(url, deployment, options)
  tellNotices(endpoints.notices)
  return {
    writer: withUrl(config, endpoints.writer.url),
    replica: endpoints.replica && withUrl(config, endpoints.replica.url),
    cluster: endpoints.cluster,
  }
}

function endpointsOfAddress<Config extends ClientConfig>(
  config: Config,
  { host, port: given, setting }: AddressSource,
  deployment: Deployment,
  options: ResolveOptions,
): Configs<Config> {
  const explicit = explicitReplica(deployment, options)
  const cluster = clusterKey(`postgres://${host.includes(':') ? `[${host}]` : host}:${given}`)
  if (explicit !== undefined) return { writer: config, replica: withUrl(config, explicit), cluster }
  if (deployment.role !== 'replica') return { writer: config, replica: undefined, cluster }
  const address = { host, port: parsePort(String(given), setting) }
  const derived = deriveEndpoints(address, { rewriteLoopback: rewritesLoopback(options) })
  if (derived.replica === undefined) {
    tellNotices([noReplica(deployment, derived.why)])
    return { writer: config, replica: undefined, cluster }
  }
  const at = (port: number): Config => keepPassword({ ...config, host, port }, config)
  return { writer: at(derived.writer.port), replica: at(derived.replica.port), cluster }
}

function withUrl<Config extends ClientConfig>(config: Config, connectionString: string): Config {
  return keepPassword({ ...config, connectionString }, config)
}

/** A pool makes `password` non-enumerable in its options, and a spread of them would lose it. */
function keepPassword<T extends ClientConfig>(copy: T, from: ClientConfig | undefined): T {
  if (from?.password !== undefined) copy.password = from.password
  return copy
}

function checkOptions(options: FlybackOptions): void {
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value: unknown = Reflect.get(options, name)
    if (value !== undefined && !allowed.some((choice) => choice === value)) {
      throw new ConfigurationError(`flyback.${name}`, `must be one of: ${allowed.join(', ')}`)
    }
  }
  const { writerDeadlineMs } = options
  if (writerDeadlineMs !== undefined && !(writerDeadlineMs >= 0 && writerDeadlineMs < 2 ** 31)) {
    throw new ConfigurationError(
      'flyback.writerDeadlineMs',
      'must be a number of milliseconds from 0',
    )
  }
}
