import {
  ConfigurationError,
  checkOptions,
  createRouting,
  type DatabaseSource,
  detectDeployment,
  type Environment,
  type FlybackOptions,
  locateDatabase,
  type Routing,
  type Target,
  targetEndpoints,
  tellNotices,
} from '@flyback/core'
import { asText } from './as-text.js'

/** What the driver is called with: a URL and options, or options alone. */
export type DriverArguments = readonly unknown[]

export interface Plan {
  /** For the driver, when it alone does everything. */
  readonly driverArguments: DriverArguments
  /** The password was read from the environment: the driver shows what it was given, and nobody gave it this. */
  readonly hidden: boolean
  /** `undefined` in the role `single`. */
  readonly routed: RoutedPlan | undefined
}

export interface RoutedPlan {
  readonly routing: Routing
  /** For an instance on the writer endpoint. */
  readonly writer: DriverArguments
  /** For one on the replica endpoint; `undefined` when there is none, or it is not for us. */
  readonly replica: DriverArguments | undefined
}

type Options = Readonly<Record<string, unknown>>

/**
 * Plans the connections of a `postgres()` call, from its arguments and the environment.
 *
 * @throws ConfigurationError naming the option or variable at fault
 */
export function planConnections(first: unknown, second: unknown): Plan {
  const url = typeof first === 'string' && first !== '' ? first : undefined
  // As the driver: options come second when there is a URL, or nothing.
  const given: Options = Object(!first || typeof first === 'string' ? second : first)
  const flyback = Object(given['flyback']) as FlybackOptions
  checkOptions(flyback)
  const env = flyback.env ?? globalThis.process.env
  const options = 'flyback' in given ? without(given, ['flyback']) : given
  const deployment = detectDeployment(env)
  tellNotices(deployment.notices)
  const source = locate(url, options, env)
  const fromEnvironment = source.type === 'url' && url === undefined
  const driverArguments: DriverArguments = fromEnvironment
    ? [source.url, options]
    : 'flyback' in given
      ? url === undefined
        ? [options]
        : [url, options]
      : [first, second]
  const hidden = fromEnvironment
  if (fromEnvironment) checkUrl(source.url, source.setting)
  if (deployment.role === 'single') return { driverArguments, hidden, routed: undefined }
  const { replicaUrl, rewriteLoopback } = flyback
  const targets = targetEndpoints(source, deployment, { env, replicaUrl, rewriteLoopback })
  const base = source.type === 'url' ? source.url : url
  return {
    driverArguments,
    hidden,
    routed: {
      routing: createRouting(deployment, flyback, {
        cluster: targets.cluster,
        hasReplica: targets.replica !== undefined,
        servers: targets.servers,
      }),
      writer: directed(base, options, targets.writer),
      replica: targets.replica && directed(base, options, targets.replica),
    },
  }
}

/**
 * The driver's own error for a URL shows all of it, which only who gave it the URL may see.
 *
 * @throws ConfigurationError naming the variable, with nothing of its value
 */
function checkUrl(url: string, setting: string): void {
  // Of several hosts the driver parses the first.
  const single = url.replace(/^([a-z]+:\/\/(?:[^@/?#]*@)?[^,/?#]*)[^/?#]*/i, '$1')
  try {
    const { username, password } = new URL(single)
    decodeURIComponent(username)
    decodeURIComponent(password)
  } catch {
    throw new ConfigurationError(
      setting,
      'is not a URL that postgres.js can use (a password with special characters must be percent-encoded)',
    )
  }
}

/** Where the driver would connect: it takes options before the URL, and the URL before the environment. */
function locate(url: string | undefined, options: Options, env: Environment): DatabaseSource {
  const host = text(options['hostname']) ?? text(options['host']) ?? text(options['path'])
  return locateDatabase(
    {
      url: host === undefined ? url : undefined,
      urlOption: 'url',
      host,
      // Of several hosts, none has a replica endpoint that could be derived: any port will do.
      port: text(options['port'])?.split(',')[0],
      database: text(options['database'] ?? options['db']),
      user: text(options['user'] ?? options['username']),
    },
    env,
  )
}

/** An option as one text, whatever JavaScript passes; parsed options, and several hosts, are arrays. */
function text(option: unknown): string | undefined {
  if (option === undefined || option === null || option === false || option === '') return undefined
  return Array.isArray(option) ? option.join(',') : asText(option)
}

/** Arguments that lead to an endpoint. */
function directed(
  url: string | undefined,
  options: Options,
  target: Target | undefined,
): DriverArguments {
  if (target === undefined) return url === undefined ? [options] : [url, options]
  if ('host' in target) {
    // Options that the driver has parsed hold lists.
    const { host, port } = target
    const where = 'shared' in options ? { host: [host], port: [port] } : target
    const moved = { ...without(options, ['hostname', 'path']), ...where }
    return url === undefined ? [moved] : [url, moved]
  }
  const { username, password, pathname } = new URL(target.url)
  return [
    target.url,
    without(options, [
      'host',
      'hostname',
      'port',
      'path',
      ...(username === '' ? [] : ['user', 'username']),
      ...(password === '' ? [] : ['pass', 'password']),
      ...(pathname.length <= 1 ? [] : ['database', 'db']),
    ]),
  ]
}

function without(options: Options, names: readonly string[]): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)))
}
