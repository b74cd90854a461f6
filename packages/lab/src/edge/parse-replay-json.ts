import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isHopByHop } from './hop-by-hop.js'
import { readReplayFields } from './read-replay-fields.js'
import type { CacheOrder, InvalidReplay, Replay, ReplayTransform } from './replay.js'

const path = /^\/[\x21-\x7e]*$/

/**
 * Reads the JSON form of a replay. Total: any string gives a replay or a reason.
 * `allow_bypass` is accepted beside `cache` and inside it: Fly's page does not say where it goes.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-json-format
 */
export function parseReplayJson(text: string): Replay | InvalidReplay {
  const document = parseObject(text)
  if (!document) return { invalid: 'its body is not a JSON object' }
  const { transform, cache, allow_bypass, elsewhere, ...fields } = document
  const scalars = Object.entries(fields)
  if (elsewhere !== undefined) {
    scalars.push(['elsewhere', typeof elsewhere === 'boolean' ? `${elsewhere}` : elsewhere])
  }
  const texts: [string, string][] = []
  for (const [name, value] of scalars) {
    if (typeof value !== 'string') return { invalid: 'it has a field that is not a string' }
    texts.push([name, value])
  }
  const replay = readReplayFields(texts)
  if ('invalid' in replay) return replay
  const changes = transform === undefined ? undefined : readTransform(transform)
  if (changes && 'invalid' in changes) return changes
  const order = cache === undefined ? undefined : readCache(cache, allow_bypass)
  if (order && 'invalid' in order) return order
  return { ...replay, ...(changes && { transform: changes }), ...(order && { cache: order }) }
}

function readTransform(value: unknown): ReplayTransform | InvalidReplay {
  const invalid = { invalid: 'its transform is not valid' }
  if (!isObject(value)) return invalid
  const { path: target, delete_headers: deletes = [], set_headers: sets = [], ...rest } = value
  if (Object.keys(rest).length > 0) return invalid
  if (target !== undefined && !(typeof target === 'string' && path.test(target))) return invalid
  if (!Array.isArray(deletes) || !Array.isArray(sets)) return invalid
  const names: unknown[] = deletes
  const entries: unknown[] = sets
  const deleteHeaders: string[] = []
  for (const name of names) {
    if (typeof name !== 'string') return invalid
    deleteHeaders.push(name.toLowerCase())
  }
  const setHeaders: [string, string][] = []
  for (const entry of entries) {
    if (!isObject(entry)) return invalid
    const { name, value: content } = entry
    if (typeof name !== 'string' || typeof content !== 'string') return invalid
    if (!isSendable(name, content)) return invalid
    setHeaders.push([name.toLowerCase(), content])
  }
  return { deleteHeaders, setHeaders, ...(typeof target === 'string' && { path: target }) }
}

function readCache(value: unknown, outerBypass: unknown): CacheOrder | InvalidReplay {
  if (!isObject(value)) return { invalid: 'its cache is not valid' }
  const { prefix, ttl, invalidate, allow_bypass = outerBypass } = value
  if (invalidate === true) return { kind: 'invalidate' }
  if (typeof prefix !== 'string' || typeof ttl !== 'number') {
    return { invalid: 'its cache has no prefix and ttl' }
  }
  return { kind: 'store', pattern: prefix, ttlSeconds: ttl, allowBypass: allow_bypass === true }
}

/** Framing and hop-by-hop headers belong to the proxy: an app that could set them could smuggle a request. */
function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch {
    return false
  }
  return !isHopByHop(name.toLowerCase()) && name.toLowerCase() !== 'content-length'
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
