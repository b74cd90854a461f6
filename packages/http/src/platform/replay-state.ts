import type { ReplayCause } from './replay-platform.js'

const CAUSES: Readonly<Record<ReplayCause, true>> = {
  write: true,
  ambiguous: true,
  'known-write': true,
  required: true,
  'mixed-reads': true,
  'replica-unavailable': true,
  stale: true,
  method: true,
  route: true,
}

const VERSION = 1
/** A header that was sent twice arrives joined by commas, whoever sent the other one. */
const FIELDS = /[;,]/
const STATE_FIELD = 'state='
const STATE = /^flyback\.\d{1,3}\.([a-z-]{1,32})$/

/** What a replay of ours carries with it. */
export interface ReplayState {
  /** `undefined` for a word of another version of Flyback. */
  readonly reason: ReplayCause | undefined
}

/**
 * What travels with a replay and comes back with the request: `flyback.1.write`.
 *
 * Made of `[a-z0-9.-]` alone: Fly documents no quoting for `state`.
 *
 * @see https://fly.io/docs/networking/dynamic-request-routing/ (read 2026-11-24)
 */
export function formatReplayState(reason: ReplayCause): string {
  return `flyback.${VERSION}.${isCause(reason) ? reason : 'write'}`
}

/**
 * Reads a state back; `undefined` for anything that is not Flyback's. Any version counts as ours: while a deploy rolls,
 * a request must not be replayed once by each version.
 */
export function parseReplayState(value: string): ReplayState | undefined {
  const word = STATE.exec(value)?.[1]
  return word === undefined ? undefined : { reason: isCause(word) ? word : undefined }
}

/** The first state of Flyback's among the fields of a header: `instance=1;t=2;state=flyback.1.write`. */
export function findReplayState(source = ''): ReplayState | undefined {
  for (const field of source.split(FIELDS)) {
    const pair = field.trim()
    const state = pair.startsWith(STATE_FIELD)
      ? parseReplayState(pair.slice(STATE_FIELD.length))
      : undefined
    if (state !== undefined) return state
  }
  return undefined
}

function isCause(word: string): word is ReplayCause {
  return Object.hasOwn(CAUSES, word)
}
