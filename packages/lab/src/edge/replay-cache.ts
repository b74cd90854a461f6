import { createHash } from 'node:crypto'
import type { Target } from './choose-machines.js'
import type { EdgeClock } from './edge-clock.js'
import { matchesPath, type PathPattern, parsePathPattern } from './path-pattern.js'
import { type SessionCacheRule, sessionValue } from './session-cache-rule.js'

/** What the cache looks at in a request. */
export interface CacheKey {
  /** Lower case, without port. Caches are never shared between hosts. */
  readonly host: string
  /** Without query. */
  readonly path: string
  readonly headers: NodeJS.Dict<string[]>
}

/** A replay decision kept for later requests: where to, and nothing else. */
export interface CachedReplay {
  readonly target: Target
  readonly allowBypass: boolean
}

/** The replay decisions one edge remembers. Each edge has its own: caching on Fly is "an optimization, not a guarantee". */
export interface ReplayCache {
  find(key: CacheKey): CachedReplay | undefined
  /** Keeps a replay for a path. False if the pattern is not valid, does not match the request, or the time is under 10 s. */
  storePath(key: CacheKey, pattern: string, ttlSeconds: number, replay: CachedReplay): boolean
  /** The rule by which a replay of this request is to be kept, if any. */
  sessionRule(key: CacheKey): SessionCacheRule | undefined
  storeSession(key: CacheKey, rule: SessionCacheRule, target: Target): void
  /** Forgets everything, by path and by session, that this request would find. */
  invalidate(key: CacheKey): void
}

/** @see docs/lab-edge-rules.md: "The TTL needs to be a minimum of 10 seconds" */
const minTtlSeconds = 10
const maxEntries = 10_000

interface Entry extends CachedReplay {
  readonly expiresAtMs: number
}

/** Makes an empty cache. @throws RangeError for a session rule that is not valid. */
export function createReplayCache(
  rules: readonly SessionCacheRule[],
  clock: EdgeClock,
): ReplayCache {
  const paths = new Map<string, Entry & { readonly pattern: Required<PathPattern> }>()
  const sessions = new Map<string, Entry>()
  const ordered = rules
    .map((rule) => ({ rule, pattern: readRule(rule) }))
    .toSorted((a, b) => b.pattern.prefix.length - a.pattern.prefix.length)

  function sessionRule(key: CacheKey): SessionCacheRule | undefined {
    return ordered.find(
      ({ rule, pattern }) =>
        matchesPath(pattern, key.host, key.path) && sessionValue(rule, key.headers) !== undefined,
    )?.rule
  }

  function findPaths(key: CacheKey): string[] {
    return [...paths]
      .filter(([, { pattern }]) => matchesPath(pattern, key.host, key.path))
      .toSorted(([, a], [, b]) => b.pattern.prefix.length - a.pattern.prefix.length)
      .map(([id]) => id)
  }

  function live<T extends Entry>(entries: Map<string, T>, id: string): T | undefined {
    const entry = entries.get(id)
    if (entry && entry.expiresAtMs > clock.nowMs()) return entry
    entries.delete(id)
    return undefined
  }

  const expiry = (ttlSeconds: number): number => clock.nowMs() + ttlSeconds * 1000

  return {
    sessionRule,
    find(key) {
      const rule = sessionRule(key)
      const session = rule && live(sessions, sessionId(rule, key))
      if (session) return session
      for (const id of findPaths(key)) {
        const entry = live(paths, id)
        if (entry) return entry
      }
      return undefined
    },
    storePath(key, text, ttlSeconds, replay) {
      const parsed = parsePathPattern(text)
      if (!parsed || !matchesPath(parsed, key.host, key.path)) return false
      if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < minTtlSeconds) return false
      const pattern = { host: key.host, prefix: parsed.prefix }
      put(paths, `${key.host}${parsed.prefix}`, {
        ...replay,
        pattern,
        expiresAtMs: expiry(ttlSeconds),
      })
      return true
    },
    storeSession(key, rule, target) {
      const allowBypass = rule.allowBypass ?? false
      const expiresAtMs = expiry(rule.ttlSeconds)
      put(sessions, sessionId(rule, key), { target, allowBypass, expiresAtMs })
    },
    invalidate(key) {
      for (const id of findPaths(key)) paths.delete(id)
      const rule = sessionRule(key)
      if (rule) sessions.delete(sessionId(rule, key))
    },
  }
}

function readRule(rule: SessionCacheRule): PathPattern {
  const pattern = parsePathPattern(rule.pathPrefix)
  if (!pattern) throw new RangeError('the pathPrefix of a replay cache is /path or host/path')
  if (!(rule.ttlSeconds >= minTtlSeconds)) {
    throw new RangeError(`the ttlSeconds of a replay cache is at least ${minTtlSeconds}`)
  }
  return pattern
}

/** Hashed: a session cookie is a credential, and the lab keeps none. */
function sessionId(rule: SessionCacheRule, { host, headers }: CacheKey): string {
  const value = sessionValue(rule, headers) ?? ''
  const parts = [host, rule.pathPrefix, rule.type, rule.name, value]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}

function put<T>(entries: Map<string, T>, id: string, entry: T): void {
  entries.delete(id)
  entries.set(id, entry)
  const [oldest] = entries.keys()
  if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest)
}
