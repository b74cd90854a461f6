import { type History, reads, served } from '../history/history.ts'
import { missing, survivors } from './survivors.ts'
import type { Violation } from './violation.ts'

/** Monotonic reads: a later request never reads a state older than one that a completed earlier answer was built from. */
export function verifyMonotonic(history: History): Violation[] {
  const alive = survivors(history)
  const level = history.requests.filter((request) => request.level === 'monotonic')
  return level.flatMap((later) => {
    const delivery = served(later)
    if (delivery === undefined) return []
    return level.flatMap((earlier): Violation[] => {
      if (earlier.client !== later.client || earlier.receivedMs === undefined) return []
      if (earlier.receivedMs > later.sentMs) return []
      const before = served(earlier)
      const built = before === undefined ? [] : statesOf(reads(before))
      const lacks = missing(new Set(built.flat()), statesOf(reads(delivery)), alive)
      if (lacks.length === 0) return []
      const what = `a read is of a state before one that was seen: it lacks ${lacks.join(', ')}`
      return [{ promise: 'monotonic-reads', requests: [earlier.id, later.id], what }]
    })
  })

  function statesOf(operations: ReturnType<typeof reads>): (readonly string[])[] {
    return operations
      .filter((read) => read.level === 'monotonic')
      .flatMap(({ seen }) => [...(seen ?? [])])
  }
}
