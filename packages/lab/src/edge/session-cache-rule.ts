/**
 * One `[[http_service.http_options.replay_cache]]` of fly.toml: every replay of a matching request is kept for the value of
 * the cookie or header, and applied to later requests that carry the same value.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#session-based-replay-caching
 */
export interface SessionCacheRule {
  /** `/path` or `host/path`; its subpaths too. Of several rules that match, the longest counts. */
  readonly pathPrefix: string
  /** At least 10. */
  readonly ttlSeconds: number
  readonly type: 'cookie' | 'header'
  /** Of the cookie or header. */
  readonly name: string
  /** Whether `fly-replay-cache-control: skip` from a client is obeyed. @default false */
  readonly allowBypass?: boolean
}

/** The value a rule keys on in these request headers, if there is one. */
export function sessionValue(
  rule: SessionCacheRule,
  headers: NodeJS.Dict<string[]>,
): string | undefined {
  if (rule.type === 'header') return headers[rule.name.toLowerCase()]?.join(', ')
  for (const pair of (headers['cookie'] ?? []).flatMap((value) => value.split(';'))) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === rule.name) return pair.slice(at + 1).trim()
  }
  return undefined
}
