import { type History, type Level, reads } from '../history/history.ts'
import { acknowledged } from './acknowledged.ts'
import { missing, survivors } from './survivors.ts'
import type { Violation } from './violation.ts'

/** `strong`: a read sees every commit that was acknowledged, to whomever, before it began. */
export function verifyStrong(history: History): Violation[] {
  return verifyAge(history, { promise: 'strong', level: 'strong', ageMs: 0 })
}

/** `withinMs`: a read sees every commit that was acknowledged so long before it began. */
export function verifyWithin(history: History): Violation[] {
  return verifyAge(history, { promise: 'within', level: 'within', ageMs: history.withinMs })
}

interface Age {
  readonly promise: string
  readonly level: Level
  readonly ageMs: number
}

function verifyAge(history: History, { promise, level, ageMs }: Age): Violation[] {
  const alive = survivors(history)
  const commits = acknowledged(history)
  return history.requests.flatMap((request) =>
    request.deliveries.flatMap(reads).flatMap((read): Violation[] => {
      if (read.level !== level) return []
      const due = commits.filter(({ endMs }) => endMs <= read.beginMs - ageMs)
      const lacks = new Set(
        missing(
          due.map(({ tag }) => tag),
          read.seen ?? [],
          alive,
        ),
      )
      if (lacks.size === 0) return []
      const writers = due.filter(({ tag }) => lacks.has(tag)).map((write) => write.request)
      const what = `a read on the ${read.role} in ${read.member} lacks ${[...lacks].join(', ')}`
      return [{ promise, requests: [...new Set([...writers, request.id])], what }]
    }),
  )
}
