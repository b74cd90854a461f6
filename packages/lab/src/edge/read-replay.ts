import type { IncomingMessage } from 'node:http'
import type { EdgeSwitches } from './edge-options.js'
import { parseReplay } from './parse-replay.js'
import { parseReplayJson } from './parse-replay-json.js'
import type { CacheOrder, InvalidReplay, Replay } from './replay.js'

const jsonType = 'application/vnd.fly.replay+json'
/** Of a JSON instruction. Not documented; nothing sensible is near it. */
const maxJsonBytes = 65_536
const safeState = /^[A-Za-z0-9_.:-]*$/

/**
 * The replay an answer asks for, if any. The status does not matter. Both forms at once are refused.
 *
 * @see docs/lab-edge-rules.md
 */
export async function readReplay(
  answer: IncomingMessage,
  { unsafeState }: Required<EdgeSwitches>,
): Promise<Replay | InvalidReplay | undefined> {
  const header = answer.headers['fly-replay']
  const isJson = answer.headers['content-type']?.split(';')[0]?.trim().toLowerCase() === jsonType
  if (header === undefined && !isJson) return undefined
  if (header !== undefined && isJson) return { invalid: 'it has both the header and the JSON form' }
  const replay = isJson ? await readJson(answer) : readHeaders(String(header), answer)
  if ('invalid' in replay) return replay
  if (unsafeState === 'refuse' && !safeState.test(replay.state ?? '')) {
    return { invalid: 'its state has characters that Fly documents no quoting for' }
  }
  if (replay.cache?.kind === 'store' && !isCacheable(replay)) {
    return { invalid: 'a cached replay has no state, timeout, fallback or transform' }
  }
  return replay
}

/** Whether a cache may hold a replay. @see docs/lab-edge-rules.md */
export function isCacheable(replay: Replay): boolean {
  const { state, timeoutMs, fallback, transform } = replay
  return (state ?? timeoutMs ?? fallback ?? transform) === undefined
}

function readHeaders(value: string, { headers }: IncomingMessage): Replay | InvalidReplay {
  const replay = parseReplay(value)
  const pattern = headers['fly-replay-cache']
  if (pattern === undefined || 'invalid' in replay) return replay
  const cache: CacheOrder =
    pattern === 'invalidate'
      ? { kind: 'invalidate' }
      : {
          kind: 'store',
          pattern: String(pattern),
          ttlSeconds: Number(headers['fly-replay-cache-ttl-secs']),
          allowBypass: headers['fly-replay-cache-allow-bypass'] === 'yes',
        }
  return { ...replay, cache }
}

async function readJson(answer: IncomingMessage): Promise<Replay | InvalidReplay> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > maxJsonBytes) return { invalid: 'its body is too large' }
      chunks.push(chunk)
    }
  } catch {
    return { invalid: 'its body broke off' }
  }
  return parseReplayJson(Buffer.concat(chunks).toString('utf8'))
}
