import {
  furthest,
  isAhead,
  isContained,
  keyOf,
  nowSeconds,
  PIN_SECONDS,
  type Position,
  type TokenEntry,
} from './token.js'
import { printToken } from './token-text.js'

/** What one piece of work has to have seen, and what it adds: the token it came with, and the positions it captured. */
export class ScopeTokens {
  #given: readonly TokenEntry[]
  readonly #find: (() => readonly TokenEntry[]) | undefined
  readonly #onCapture: ((token: string) => void) | undefined
  readonly #retired = new Set<TokenEntry>()
  #captured: readonly TokenEntry[] = []

  /** @param onCapture hears of the token, each time it grows */
  constructor(
    given: readonly TokenEntry[] | (() => readonly TokenEntry[]),
    onCapture?: (token: string) => void,
  ) {
    this.#given = typeof given === 'function' ? [] : given
    this.#find = typeof given === 'function' ? given : undefined
    this.#onCapture = onCapture
  }

  /** What it came with, all of it. */
  get given(): readonly TokenEntry[] {
    if (this.#given.length === 0 && this.#find !== undefined) this.#given = this.#find()
    return this.#given
  }

  /** What the primary has taken back of that: a position it never had, another cluster, a pin that is over. */
  get retired(): ReadonlySet<TokenEntry> {
    return this.#retired
  }

  /** What a read must have seen. */
  get required(): readonly TokenEntry[] {
    const given = this.given.filter((entry) => !this.#retired.has(entry))
    return this.#captured.length === 0 ? given : furthest([...given, ...this.#captured])
  }

  /** What the client has to be told: nothing when nothing was captured. Never less than what it came with. */
  get issued(): readonly TokenEntry[] {
    if (this.#captured.length === 0) return []
    const clusters = new Set(this.#captured.map(keyOf))
    return this.required.filter((entry) => clusters.has(keyOf(entry)))
  }

  /** A position has to be asked of the primary, since only it knows: a read somewhere else would be of the past. */
  get isPinned(): boolean {
    return this.required.some(({ type }) => type === 'pin')
  }

  /** Whether a pin is old enough for the primary to put a position in its place. */
  get hasOldPin(): boolean {
    return this.given.some((entry) => !this.#retired.has(entry) && isOldPin(entry))
  }

  /** Something was committed, or read. */
  add(entry: TokenEntry): void {
    if (entry.type === 'position') this.#retireOldPins()
    this.#note(entry)
  }

  #note(entry: TokenEntry): void {
    if (this.#captured.some((other) => isContained(entry, other))) return
    this.#captured = furthest([...this.#captured, entry])
    this.#onCapture?.(printToken(this.issued))
  }

  /** What follows has to have seen this, too; its client is told, as if it had been captured. */
  require(entries: readonly TokenEntry[]): void {
    this.#given = [...this.given, ...entries]
    for (const entry of entries) this.#note(entry)
  }

  /** Something may have been committed, nobody knows where. */
  pin(): void {
    this.add({ type: 'pin', issuedAt: nowSeconds() })
  }

  /** The primary has taken an entry back. */
  retire(entry: TokenEntry): void {
    this.#retired.add(entry)
  }

  /** The positions of a cluster that a member must have reached. */
  requiredOf(cluster: string): Position | undefined {
    let found: Position | undefined
    for (const entry of this.required) {
      if (entry.type === 'pin' || entry.cluster !== cluster) continue
      if (found === undefined || isAhead(entry, found)) found = entry
    }
    return found
  }

  /** What was captured on the primary after a pin was made contains what it stood for, once that is over. */
  #retireOldPins(): void {
    for (const entry of this.given) if (isOldPin(entry)) this.#retired.add(entry)
  }
}

function isOldPin({ type, issuedAt }: TokenEntry): boolean {
  const ageSeconds = nowSeconds() - issuedAt
  // One of the future was made by no clock near ours.
  return type === 'pin' && (ageSeconds >= PIN_SECONDS || ageSeconds < -PIN_SECONDS)
}
