import { processWide } from '../process-wide.js'

/** A scope that nobody ends gives its place back after so long. */
const LONGEST_MS = 60_000
/** About as long as a request that was replayed is at work in the primary region. */
const REPLAY_MS = 1000

/** What one piece of work takes up while it falls back on the primary. */
export class Place {
  #untilMs: number

  constructor(untilMs: number) {
    this.#untilMs = untilMs
  }

  /** Whether it is given back by now. */
  isOver(nowMs: number): boolean {
    return this.#untilMs <= nowMs
  }

  /** It was replayed: nothing says when it is over there. */
  replay(): void {
    this.#untilMs = performance.now() + REPLAY_MS
  }

  /** The work is over. Calling it again does nothing. */
  giveBack(): void {
    places().delete(this)
  }
}

/** Takes a place; `undefined` when all are taken. @param limit how many there are */
export function takePlace(limit: number): Place | undefined {
  const taken = places()
  const nowMs = performance.now()
  if (taken.size >= limit) for (const place of taken) if (place.isOver(nowMs)) taken.delete(place)
  if (taken.size >= limit) return undefined
  const place = new Place(nowMs + LONGEST_MS)
  taken.add(place)
  return place
}

/** How many fall back on the primary at once is a matter of the whole process, whoever asks (rule 14). */
function places(): Set<Place> {
  return processWide('fallbacks', Set<Place>)
}
