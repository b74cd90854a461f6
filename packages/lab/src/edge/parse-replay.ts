import { readReplayFields } from './read-replay-fields.js'
import type { InvalidReplay, Replay } from './replay.js'

/** One `key=value`, the value quoted if it holds commas or semicolons, up to the next `;` or the end. */
const field = /[ \t]*([a-z_]+)=(?:"([^"]*)"|([^",;]*))[ \t]*(?:;|$)/y

/**
 * Reads the header form of a replay: `region="iad,any";state=x`. Total: any string gives a replay or a reason.
 * A header sent twice arrives joined by a comma, and is refused like any comma outside quotes.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-header-format
 */
export function parseReplay(value: string): Replay | InvalidReplay {
  const fields: [string, string][] = []
  field.lastIndex = 0
  while (field.lastIndex < value.length) {
    const match = field.exec(value)
    if (!match) return { invalid: 'it is not a list of key=value, with lists in double quotes' }
    fields.push([match[1] ?? '', match[2] ?? match[3]?.trim() ?? ''])
  }
  return readReplayFields(fields)
}
