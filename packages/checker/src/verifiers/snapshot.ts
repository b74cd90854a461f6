import { type History, reads } from '../history/history.ts'
import type { Violation } from './violation.ts'

/** What a repeatable read transaction sees does not change, wherever it runs. */
export function verifySnapshot({ requests }: History): Violation[] {
  return requests.flatMap(({ id, deliveries }) =>
    deliveries.flatMap(reads).flatMap(({ seen = [] }): Violation[] => {
      const states = new Set(seen.map((state) => state.toSorted().join(' ')))
      if (states.size <= 1) return []
      return [{ promise: 'snapshot', requests: [id], what: 'one transaction saw two states' }]
    }),
  )
}
