import { type History, reads, served, writes } from '../history/history.ts'
import { obligations } from './obligations.ts'
import { missing, survivors } from './survivors.ts'
import type { Violation } from './violation.ts'

/**
 * Read your writes: when an answer has reached a client, its later requests read a state that has everything the earlier ones
 * committed. Within a request, reads see what it has committed before them, at any level.
 */
export function verifySession(history: History): Violation[] {
  const alive = survivors(history)
  const owed = obligations(history)
  return history.requests.flatMap((request) => {
    const delivery = served(request)
    if (delivery === undefined) return []
    return reads(delivery).flatMap((read): Violation[] => {
      const own = writes(delivery).filter(
        ({ outcome, endMs }) => outcome === 'done' && endMs !== undefined && endMs <= read.beginMs,
      )
      const told = read.level === 'eventual' ? new Map<string, number>() : owed.get(request.id)
      const expected = new Map(told)
      for (const { tag } of own) if (tag !== undefined) expected.set(tag, request.id)
      const lacks = missing(expected.keys(), read.seen ?? [], alive)
      if (lacks.length === 0) return []
      const writers = [...new Set(lacks.map((tag) => expected.get(tag) ?? request.id))]
      return [
        {
          promise: 'read-your-writes',
          requests: [...writers.filter((id) => id !== request.id), request.id],
          what: `a read on the ${read.role} in ${read.member} lacks ${lacks.join(', ')}`,
        },
      ]
    })
  })
}
