/** A host (any, if absent) and a path with everything below it. */
export interface PathPattern {
  readonly host?: string
  /** Without a slash at its end; empty for every path. */
  readonly prefix: string
}

const form = /^([A-Za-z0-9.-]*)(\/[^*\s?#]*)\*?$/

/**
 * Reads `/some/path/*` or `example.com/some/path/*`; the wildcard may be left out. Nothing for what is neither, or has a port.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#path-based-replay-caching
 */
export function parsePathPattern(text: string): PathPattern | undefined {
  const [, host, path] = form.exec(text) ?? []
  if (host === undefined || path === undefined) return undefined
  const prefix = path.endsWith('/') ? path.slice(0, -1) : path
  return { prefix, ...(host && { host: host.toLowerCase() }) }
}

/** Whether a request to `host` (lower case, no port) for `path` (no query) is under the pattern. */
export function matchesPath(pattern: PathPattern, host: string, path: string): boolean {
  if (pattern.host !== undefined && pattern.host !== host) return false
  return path === pattern.prefix || path.startsWith(`${pattern.prefix}/`)
}
