import type { History, Operation } from '../history/history.ts'

/**
 * What was committed and is still there. What an asynchronous failover has lost is nobody's to see, and whoever saw it need not
 * see it again.
 */
export function survivors({ outcome }: History): ReadonlySet<string> {
  return new Set(outcome.tags)
}

/**
 * Whether a failover may have lost a write: the member that acknowledged it was no primary any more, or not for long enough. A member
 * that is brought back with its old history takes writes that nobody else gets.
 */
export function mayBeLost({ faults }: History, { member, beginMs }: Operation): boolean {
  if (member === undefined) return true
  const changes = faults.filter(
    ({ demoted, promoted }) => demoted === member || promoted === member,
  )
  const before = changes.findLast(({ endMs }) => endMs <= beginMs)
  return (
    before?.demoted === member ||
    changes.some(({ demoted, endMs }) => demoted === member && endMs > beginMs)
  )
}

/** What of `expected` is in none of the states seen, or not in all of them. */
export function missing(
  expected: Iterable<string>,
  seen: readonly (readonly string[])[],
  among: ReadonlySet<string>,
): string[] {
  const states = seen.map((state) => new Set(state))
  return [...expected].filter((tag) => among.has(tag) && states.some((state) => !state.has(tag)))
}
