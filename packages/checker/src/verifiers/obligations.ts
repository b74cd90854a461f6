import { type History, type Request, served, writes } from '../history/history.ts'

/** Who made it something to be seen. */
type Owed = ReadonlyMap<string, number>

/**
 * What the reads of each request must see by what its client was told before it was sent: the writes of every request whose
 * answer had arrived by then, and what those had to see because another client's token was handed to them.
 */
export function obligations(history: History): ReadonlyMap<number, Owed> {
  const known = new Map<number, Owed>()
  const byId = new Map(history.requests.map((request) => [request.id, request]))

  function owedBy(request: Request): Owed {
    const cached = known.get(request.id)
    if (cached !== undefined) return cached
    const owed = new Map<string, number>()
    const handed = request.handedOver === undefined ? undefined : byId.get(request.handedOver)
    if (handed !== undefined) for (const [tag, by] of toldBy(handed)) owed.set(tag, by)
    for (const earlier of history.requests) {
      if (earlier.client !== request.client || earlier === request) continue
      if (earlier.receivedMs === undefined || earlier.receivedMs > request.sentMs) continue
      for (const [tag, by] of toldAgain(earlier)) if (!owed.has(tag)) owed.set(tag, by)
    }
    known.set(request.id, owed)
    return owed
  }

  /** What an answer tells its client on top of what it has known. */
  function toldAgain(request: Request): Owed {
    const told = new Map<string, number>()
    if (request.handedOver !== undefined && (request.status ?? 0) < 500) {
      const handed = byId.get(request.handedOver)
      if (handed !== undefined) for (const [tag, by] of toldBy(handed)) told.set(tag, by)
    }
    for (const tag of committedBy(request)) told.set(tag, request.id)
    return told
  }

  /** What the token at the end of a request stands for. */
  function toldBy(request: Request): Owed {
    const told = new Map(owedBy(request))
    for (const tag of committedBy(request)) told.set(tag, request.id)
    return told
  }

  for (const request of history.requests) owedBy(request)
  return known
}

/** What a request committed, for all that its app knows: a COMMIT of unknown outcome counts, if it is there in the end. */
function committedBy(request: Request): string[] {
  const delivery = served(request)
  if (delivery === undefined || request.status === undefined) return []
  return writes(delivery)
    .filter(({ outcome }) => outcome === 'done' || outcome === 'unknown')
    .flatMap(({ tag }) => tag ?? [])
}
