import { ConfigurationError, type Consistency, readConsistency } from '@flyback/core'

/**
 * What happens to a request in a replica region.
 *
 * - `replay`: it goes to the primary region before its handler runs, so that no side effect happens twice
 * - `attempt`: its handler runs here; if a write is refused, the request is replayed
 * - `forward`: its handler runs here, with every statement on the primary; it is never replayed
 */
export type Policy = 'replay' | 'attempt' | 'forward'

/** Which requests a policy is for: those that fit every condition given. */
export interface RouteRule<R> {
  /** One method or several, in any case. @default every method */
  readonly method?: string | readonly string[]
  /**
   * The full path as the client sent it, without the query string: an exact string, a prefix ending in `/*` (which also
   * fits the path before it), or a regular expression.
   *
   * @default every path
   */
  readonly path?: string | RegExp
  /** Any other condition on the framework's own request. @default true */
  readonly match?: (request: R) => boolean
  /** @default the next rule that matches, and has one */
  readonly policy?: Policy
  /** What the reads of these requests must have seen. @default the next rule that matches, and has one */
  readonly consistency?: Consistency
}

export interface PolicyChoice {
  readonly policy: Policy
  /** Whether a rule of the app decided, or the method alone. */
  readonly by: 'route' | 'method'
  /** What its reads must have seen. @default the app's level */
  readonly consistency?: Consistency | undefined
}

export interface PolicyRequest<R> {
  readonly method: string
  readonly path: string
  readonly request: R
  /** What the route itself asks for, in the framework's own way; it goes before every rule. */
  readonly policy?: Policy | undefined
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1 (read 2026-11-24) */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const POLICIES: ReadonlySet<unknown> = new Set<Policy>(['replay', 'attempt', 'forward'])
const RULE_KEYS: ReadonlySet<string> = new Set(['method', 'path', 'match', 'policy', 'consistency'])
const METHOD = /^[A-Za-z-]+$/
const PATH = /^\/[^*?#]*$/

/** Whether a method promises to change nothing. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method)
}

/** @throws {@link ConfigurationError} unless the value is a {@link Policy} */
export function checkPolicy(setting: string, policy: unknown): void {
  if (!POLICIES.has(policy)) {
    throw new ConfigurationError(setting, "must be 'replay', 'attempt' or 'forward'")
  }
}

/**
 * Puts the rules together: a route's own policy, then that of the first rule that matches and has one, then `attempt` for safe
 * methods and `unsafePolicy` for the rest. The level of consistency is that of the first rule that matches and has one.
 *
 * @throws {@link ConfigurationError} for a rule that cannot be used
 */
export function createPolicy<R>(
  rules: readonly RouteRule<R>[],
  unsafePolicy: Policy,
): (request: PolicyRequest<R>) => PolicyChoice {
  if (!Array.isArray(rules)) throw new ConfigurationError('routes', 'must be a list of rules')
  const tests = rules.map((rule, index) => createTest(rule, `routes[${index}]`))
  return (request) => {
    let { policy } = request
    let level: Consistency | undefined
    for (const [index, rule] of rules.entries()) {
      const saysPolicy = policy === undefined && rule.policy !== undefined
      const saysLevel = level === undefined && rule.consistency !== undefined
      // What says nothing new is not asked: its predicate may not be made for this request.
      if (!(saysPolicy || saysLevel) || tests[index]?.(request) !== true) continue
      policy ??= rule.policy
      level ??= rule.consistency
    }
    const asked = level === undefined ? {} : { consistency: level }
    if (policy !== undefined) {
      checkPolicy('the policy of a route', policy)
      return { policy, by: 'route', ...asked }
    }
    const byMethod = isSafeMethod(request.method) ? 'attempt' : unsafePolicy
    return { policy: byMethod, by: 'method', ...asked }
  }
}

function createTest<R>(
  rule: RouteRule<R>,
  setting: string,
): (request: PolicyRequest<R>) => boolean {
  if (typeof rule !== 'object' || rule === null) {
    throw new ConfigurationError(setting, 'must be an object with a policy or a consistency')
  }
  for (const key of Object.keys(rule)) {
    if (!RULE_KEYS.has(key)) throw new ConfigurationError(setting, 'has a key no rule has')
  }
  const { policy, consistency } = rule
  if (policy === undefined && consistency === undefined) {
    throw new ConfigurationError(`${setting}.policy`, 'is missing, and so is a consistency')
  }
  if (policy !== undefined) checkPolicy(`${setting}.policy`, policy)
  if (consistency !== undefined) readConsistency(consistency, `${setting}.consistency`)
  const methods = readMethods(rule.method, `${setting}.method`)
  const fitsPath = readPath(rule.path, `${setting}.path`)
  const { match = () => true } = rule
  if (typeof match !== 'function') {
    throw new ConfigurationError(`${setting}.match`, 'must be a function')
  }
  return ({ method, path, request }) =>
    (methods === undefined || methods.has(method)) && fitsPath(path) && match(request)
}

function readMethods(
  method: string | readonly string[] | undefined,
  setting: string,
): ReadonlySet<string> | undefined {
  if (method === undefined) return undefined
  const methods: readonly unknown[] = typeof method === 'string' ? [method] : method
  const isMethod = (value: unknown): value is string =>
    typeof value === 'string' && METHOD.test(value)
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every(isMethod)) {
    throw new ConfigurationError(setting, 'must be a method name or a list of them')
  }
  return new Set(methods.map((name: string) => name.toUpperCase()))
}

function readPath(path: string | RegExp | undefined, setting: string): (path: string) => boolean {
  if (path === undefined) return () => true
  if (path instanceof RegExp) {
    // A global or sticky expression remembers where it stopped.
    const pattern = new RegExp(path.source, path.flags.replace(/[gy]/g, ''))
    return (candidate) => pattern.test(candidate)
  }
  const isPrefix = typeof path === 'string' && path.endsWith('/*')
  const base = isPrefix ? path.slice(0, -2) : path
  if (typeof base !== 'string' || !(PATH.test(base) || (isPrefix && base === ''))) {
    throw new ConfigurationError(
      setting,
      "must begin with '/', have no query, and have '*' only as a last '/*'",
    )
  }
  return isPrefix
    ? (candidate) => candidate === base || candidate.startsWith(`${base}/`)
    : (candidate) => candidate === base
}
