import { type History, writes } from '../history/history.ts'
import { mayBeLost } from './survivors.ts'
import type { Violation } from './violation.ts'

/**
 * Writes happen once: what was acknowledged is there once, unless the failover lost it; what was not, at most once. What a read
 * transaction sees does not change.
 */
export function verifyWrites(history: History): Violation[] {
  const counts = new Map<string, number>()
  for (const tag of history.outcome.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  return history.requests.flatMap(({ id, deliveries }) =>
    deliveries.flatMap(writes).flatMap((write): Violation[] => {
      const { tag = '', outcome } = write
      const count = counts.get(tag) ?? 0
      if (count > 1) return [violation(id, `${tag} was written ${count} times`)]
      const isGone = count === 0 && outcome === 'done' && !mayBeLost(history, write)
      return isGone ? [violation(id, `${tag} was acknowledged and is not there`)] : []
    }),
  )
}

function violation(request: number, what: string): Violation {
  return { promise: 'writes-once', requests: [request], what }
}
