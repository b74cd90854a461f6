import {
  ConfigurationError,
  type Consistency,
  type Deployment,
  detectDeployment,
  type Environment,
  readConsistency,
  readVariable,
  tellNotices,
} from '@flyback/core'
import { isRegion } from './answer.js'
import { fly } from './platform/fly.js'
import { httpProxy, readPrimaryUrl } from './platform/http-proxy.js'
import type { ReplayPlatform } from './platform/replay-platform.js'
import {
  checkPolicy,
  createPolicy,
  type Policy,
  type PolicyChoice,
  type PolicyRequest,
  type RouteRule,
} from './policy.js'
import { cookieToken } from './token/cookie-token.js'
import type { TokenCarrier } from './token/token-carrier.js'

/** @typeParam R the framework's own request, as {@link RouteRule.match} sees it */
export interface FlybackOptions<R = unknown> {
  /** Where the region variables are read. @default process.env */
  readonly env?: Environment
  /** Where this process runs. @default detectDeployment(env) */
  readonly deployment?: Deployment
  /**
   * What carries a request to the primary region; `false` for none: unsafe requests are then forwarded.
   *
   * @default fly() on a Fly machine (FLY_APP_NAME and FLY_MACHINE_ID are set), else httpProxy() with FLYBACK_PRIMARY_URL,
   * else false
   */
  readonly platform?: ReplayPlatform | false
  /**
   * What happens to requests with an unsafe method (POST, PUT, PATCH, DELETE and all unknown ones) that no rule names. Safe
   * ones (GET, HEAD, OPTIONS, TRACE) are attempted.
   *
   * @default 'replay'
   */
  readonly policy?: Policy
  /** Policies by method, path or predicate; the first match wins. @default [] */
  readonly routes?: readonly RouteRule<R>[]
  /**
   * What happens to a request that was replayed before or whose body is too large to replay: it runs here with every
   * statement on the primary (`forward`), or is answered with 503 or 413 (`fail`).
   *
   * @default 'forward'
   */
  readonly whenNotReplayable?: 'forward' | 'fail'
  /**
   * Whether answers carry a `Server-Timing` metric that says what happened: region, role, which members answered, the route
   * taken and why. It is shown to whoever asks, so it is off in production. Never in the role `single`.
   *
   * @default true when NODE_ENV is `development`, else false
   */
  readonly serverTiming?: boolean
  /** What reads must have seen; `routes` and `withConsistency` may say otherwise. @default 'session' */
  readonly consistency?: Consistency
  /**
   * How a client gets its token, and sends it back; `false`: not at all, and nothing is captured.
   *
   * @default cookieToken(); false when every level is `eventual`
   */
  readonly token?: TokenCarrier<R> | false
}

/** Options with everything filled in and checked. */
export interface Settings<R> {
  readonly deployment: Deployment
  readonly platform: ReplayPlatform | undefined
  readonly policyFor: (request: PolicyRequest<R>) => PolicyChoice
  readonly whenNotReplayable: 'forward' | 'fail'
  readonly serverTiming: boolean
  readonly consistency: Consistency
  readonly carrier: TokenCarrier<R> | undefined
}

const PRIMARY_URL = 'FLYBACK_PRIMARY_URL'

const KEYS: Readonly<Record<keyof FlybackOptions, true>> = {
  env: true,
  deployment: true,
  platform: true,
  policy: true,
  routes: true,
  whenNotReplayable: true,
  serverTiming: true,
  consistency: true,
  token: true,
}

/** @throws {@link ConfigurationError} naming the option that cannot be used */
export function readOptions<R>(options: FlybackOptions<R>): Settings<R> {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KEYS, key)) {
      throw new ConfigurationError('flyback()', 'was given an option it does not have')
    }
  }
  const { env = globalThis.process?.env ?? {}, routes = [], policy = 'replay' } = options
  const { deployment = detectDeployment(env), whenNotReplayable = 'forward' } = options
  const { consistency = 'session' } = options
  const { serverTiming = readVariable(env, 'NODE_ENV') === 'development' } = options
  checkPolicy('policy', policy)
  readConsistency(consistency, 'consistency')
  if (whenNotReplayable !== 'forward' && whenNotReplayable !== 'fail') {
    throw new ConfigurationError('whenNotReplayable', "must be 'forward' or 'fail'")
  }
  if (typeof serverTiming !== 'boolean') {
    throw new ConfigurationError('serverTiming', 'must be true or false')
  }
  if (deployment.role === 'replica' && !isRegion(deployment.primaryRegion)) {
    throw new ConfigurationError('deployment.primaryRegion', 'must be a region name')
  }
  const platform = readPlatform(options.platform, env)
  tellNotices(deployment.notices)
  if (deployment.role === 'replica' && platform === undefined && options.platform !== false) {
    tellNotices([
      {
        code: 'FLYBACK_NO_PLATFORM',
        message:
          'no replay platform was found (FLY_APP_NAME and FLY_MACHINE_ID are not set, nor is FLYBACK_PRIMARY_URL): requests with unsafe methods use the primary over its writer endpoint. Set `platform` to choose, or to false to say so',
      },
    ])
  }
  const policyFor = createPolicy(routes, policy)
  const carrier = readCarrier(options)
  return {
    deployment,
    platform,
    policyFor,
    whenNotReplayable,
    serverTiming,
    consistency,
    carrier,
  }
}

function readCarrier<R>({
  token,
  consistency = 'session',
  routes = [],
}: FlybackOptions<R>): TokenCarrier<R> | undefined {
  if (token === false) return undefined
  if (token === undefined) {
    const levels = [consistency, ...routes.map((rule) => rule.consistency ?? consistency)]
    return levels.every((level) => level === 'eventual') ? undefined : cookieToken()
  }
  if (typeof token !== 'object' || token === null || typeof token.open !== 'function') {
    throw new ConfigurationError(
      'token',
      'must be cookieToken(), headerToken(), storedToken(), or false',
    )
  }
  return token
}

function readPlatform(
  platform: ReplayPlatform | false | undefined,
  env: Environment,
): ReplayPlatform | undefined {
  if (platform === false) return undefined
  if (platform === undefined) {
    const onFly = ['FLY_APP_NAME', 'FLY_MACHINE_ID'].every((name) => readVariable(env, name))
    if (onFly) return fly()
    const url = readVariable(env, PRIMARY_URL)
    return url === undefined ? undefined : httpProxy({ url: readPrimaryUrl(url, PRIMARY_URL) })
  }
  if (!isPlatform(platform)) {
    throw new ConfigurationError('platform', 'must be a replay platform such as fly(), or false')
  }
  return platform
}

/** Whether a value has the shape of one of the two kinds of platform. */
function isPlatform(value: unknown): value is ReplayPlatform {
  if (typeof value !== 'object' || value === null) return false
  const has = (name: string): boolean => typeof Reflect.get(value, name) === 'function'
  const limits: unknown = Reflect.get(value, 'limits')
  return (
    has('encode') !== has('carry') &&
    has('readOrigin') &&
    typeof limits === 'object' &&
    limits !== null &&
    typeof Reflect.get(limits, 'maxBodyBytes') === 'number'
  )
}
