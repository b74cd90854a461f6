import type { Entry, History, Outcome, Request } from '../history/history.ts'
import { printEntry } from '../history/print-entry.ts'
import type { Violation } from './violation.ts'

/** A pin may be taken back when it is this old: what it stands for is over. */
const PIN_SECONDS = 10

/**
 * A client's effective token never decreases: no answer takes away a position, or a pin, without one that contains it, unless the
 * position is of no history any more.
 */
export function verifyEffectiveToken({ requests, outcome }: History): Violation[] {
  const violations: Violation[] = []
  for (const client of new Set(requests.map((request) => request.client))) {
    const arrived = requests
      .filter((request) => request.client === client)
      .filter((request) => request.receivedMs !== undefined && request.tokenAfter !== undefined)
      .toSorted((one, other) => (one.receivedMs ?? 0) - (other.receivedMs ?? 0))
    let before: Request | undefined
    for (const request of arrived) {
      const after = request.tokenAfter ?? []
      const taken = (before?.tokenAfter ?? []).filter(
        (entry) =>
          !after.some((other) => contains(other, entry)) && counts(entry, request, outcome),
      )
      if (before !== undefined && taken.length > 0) {
        violations.push({
          promise: 'effective-token',
          requests: [before.id, request.id],
          what: `the client has lost ${taken.map(printEntry).join(', ')}`,
        })
      }
      before = request
    }
  }
  return violations
}

function contains(by: Entry, entry: Entry): boolean {
  if (by.type === 'pin') return entry.type === 'pin' && by.issuedAt >= entry.issuedAt
  if (entry.type === 'pin') return false
  return by.timeline === entry.timeline ? by.lsn >= entry.lsn : by.timeline > entry.timeline
}

/** Whether an entry still stands for something. */
function counts(entry: Entry, request: Request, { timeline, switches }: Outcome): boolean {
  if (entry.type === 'pin') return (request.receivedAt ?? 0) - entry.issuedAt < PIN_SECONDS
  const endedAt = switches.get(entry.timeline)
  return entry.timeline === timeline || (endedAt !== undefined && entry.lsn <= endedAt)
}
