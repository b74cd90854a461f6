import type { DriverQuery } from './driver-internals.js'

/** The text of a query with its nested fragments, as far as it was written by hand: never a value. */
export function textOf(query: DriverQuery): string {
  let text = query.strings[0] ?? ''
  for (let i = 1; i < query.strings.length; i++) {
    text += `${fragmentText(query.args[i - 1])} ${query.strings[i]}`
  }
  return text
}

function fragmentText(value: unknown): string {
  if (isQuery(value)) return textOf(value)
  // The driver joins an array of fragments.
  return Array.isArray(value) && isQuery(value[0]) ? value.map(fragmentText).join(' ') : ''
}

/** A query of the driver, of any instance and copy of it. */
export function isQuery(value: unknown): value is DriverQuery {
  return value instanceof Promise && 'strings' in value && 'args' in value
}
