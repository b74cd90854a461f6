import type { InvalidReplay, Replay } from './replay.js'

type ReadField = (value: string) => Replay | undefined

const name = /^[A-Za-z0-9_-]{1,64}$/
const region = /^[a-z][a-z0-9]{1,15}$/
const duration = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s)$/
const printable = /^[\x20-\x7e]*$/

/**
 * The fields an app may use, and how each is read; a reader answers nothing for a value it refuses.
 *
 * @see docs/lab-edge-rules.md (read 2026-08); https://fly.io/docs/networking/dynamic-request-routing/#replay-header-format
 */
const readers: ReadonlyMap<string, ReadField> = new Map<string, ReadField>([
  ['region', readRegions],
  ['instance', (value) => (name.test(value) ? { instance: value } : undefined)],
  ['prefer_instance', (value) => (name.test(value) ? { preferInstance: value } : undefined)],
  ['app', (value) => (name.test(value) ? { app: value } : undefined)],
  // Free text to Fly, but it becomes part of a header.
  ['state', (value) => (printable.test(value) ? { state: value } : undefined)],
  ['elsewhere', readElsewhere],
  ['timeout', readTimeout],
  ['fallback', readFallback],
])

/**
 * Reads the fields of a replay instruction, whichever form they came in.
 * Refuses an unknown or repeated field, a value outside its form, and a combination that names no target or two.
 */
export function readReplayFields(
  fields: Iterable<readonly [string, string]>,
): Replay | InvalidReplay {
  let replay: Replay = {}
  const seen = new Set<string>()
  for (const [field, value] of fields) {
    const read = readers.get(field)
    if (!read) return { invalid: 'it has a field that does not exist' }
    if (seen.has(field)) return { invalid: `it has ${field} twice` }
    seen.add(field)
    const part = read(value)
    if (!part) return { invalid: `its ${field} is not valid` }
    replay = { ...replay, ...part }
  }
  if (replay.instance && replay.preferInstance) {
    return { invalid: 'it has both instance and prefer_instance' }
  }
  const target =
    replay.regions ?? replay.instance ?? replay.preferInstance ?? replay.app ?? replay.elsewhere
  return target ? replay : { invalid: 'it names no target' }
}

function readRegions(value: string): Replay | undefined {
  const regions = value.split(',').map((part) => part.trim())
  return regions.every((part) => region.test(part)) ? { regions } : undefined
}

function readElsewhere(value: string): Replay | undefined {
  if (value === 'true') return { elsewhere: true }
  return value === 'false' ? {} : undefined
}

function readTimeout(value: string): Replay | undefined {
  const [, amount, unit] = duration.exec(value) ?? []
  return amount ? { timeoutMs: Number(amount) * (unit === 's' ? 1000 : 1) } : undefined
}

function readFallback(value: string): Replay | undefined {
  return value === 'force_self' || value === 'prefer_self' ? { fallback: value } : undefined
}
