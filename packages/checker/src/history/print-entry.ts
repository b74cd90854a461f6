import type { Entry } from './history.ts'

/** Timeline and position, as a table shows them. */
export function printEntry(entry: Entry): string {
  return entry.type === 'pin' ? 'pin' : `${entry.timeline}/${entry.lsn.toString(16)}`
}
