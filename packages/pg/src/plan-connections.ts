import {
  checkOptions,
  createRouting,
  detectDeployment,
  type EndpointName,
  locateDatabase,
  type Routing,
  type Target,
  targetEndpoints,
  tellNotices,
} from '@flyback/core'
import type { ClientConfig } from './config.js'

/** How a pool or client connects. */
export interface Plan<Config> {
  /** What to give to pg for connections to {@link local}. */
  readonly config: Config
  /** `undefined` in the role `single`: pg alone does everything. */
  readonly routing: Route<Config> | undefined
}

/** The routing, and where its two endpoints are. */
export interface Route<Config> extends Routing {
  /** The endpoint that {@link Plan.config} leads to. */
  readonly local: EndpointName
  /** What to give to pg for the writer endpoint, when {@link local} is the replica. */
  readonly writerConfig: Config | undefined
}

/**
 * Plans the connections of a pool or client, from pg's options, ours and the environment.
 *
 * @throws ConfigurationError naming the option or variable at fault
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
  const source = locateDatabase({ ...bare, url: bare.connectionString }, env)
  const config = source.type === 'url' ? directed(bare, source) : bare
  tellNotices(deployment.notices)
  if (deployment.role === 'single') return { config, routing: undefined }
  const { replicaUrl, rewriteLoopback } = flyback
  const targets = targetEndpoints(source, deployment, { env, replicaUrl, rewriteLoopback })
  const { replica, cluster, servers } = targets
  const routing = createRouting(deployment, flyback, {
    cluster,
    hasReplica: replica !== undefined,
    servers,
  })
  const writer = directed(config, targets.writer)
  return replica === undefined
    ? { config: writer, routing: { ...routing, local: 'writer', writerConfig: undefined } }
    : {
        config: directed(config, replica),
        routing: { ...routing, local: 'replica', writerConfig: writer },
      }
}

/** A config that leads to an endpoint. */
function directed<Config extends ClientConfig>(config: Config, target: Target | undefined): Config {
  if (target === undefined) return config
  const where = 'url' in target ? { connectionString: target.url } : target
  return keepPassword({ ...config, ...where }, config)
}

/** A pool makes `password` non-enumerable in its options, and a spread of them would lose it. */
function keepPassword<T extends ClientConfig>(copy: T, from: ClientConfig | undefined): T {
  if (from?.password !== undefined) copy.password = from.password
  return copy
}
