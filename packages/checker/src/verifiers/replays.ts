import { type History, writes } from '../history/history.ts'
import type { Violation } from './violation.ts'

/** A request is replayed once at most, and only before it has written. */
export function verifyReplays({ requests }: History): Violation[] {
  return requests.flatMap(({ id, deliveries }): Violation[] => {
    const asked = deliveries.filter(({ status }) => status === 409)
    if (asked.length > 1) {
      return [
        { promise: 'one-replay', requests: [id], what: `${asked.length} replays were asked for` },
      ]
    }
    const wrote = asked.flatMap(writes).filter(({ outcome }) => outcome === 'done')
    if (wrote.length === 0) return []
    const tags = wrote.map(({ tag }) => tag).join(', ')
    return [
      { promise: 'one-replay', requests: [id], what: `replayed after it had written ${tags}` },
    ]
  })
}
