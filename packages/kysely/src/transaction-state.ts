import {
  findReplayRequired,
  isCommit,
  originOf,
  type ReplayRequired,
  rollsBack,
} from '@flyback/core'
import type { CompiledQuery } from 'kysely'
import type { Held } from './held.js'

/** The transaction on a connection, and what it was refused with. */
export class TransactionState {
  /** Kysely began one and has not ended it. */
  isOpen = false
  /** What the one Kysely began was refused with: the rest of it is, too, as a server would. */
  refusal: ReplayRequired | undefined
  /** What one begun in raw SQL may have been refused with, when its session never heard of it, or cannot tell. */
  unheard: ReplayRequired | undefined
  /** Raw SQL ran, which may have begun a transaction: it is not read. */
  #maybeRaw = false

  begun(held: Held): void {
    this.isOpen = true
    if (held.known !== undefined) held.known.status = 'T'
  }

  /** Kysely ended it. */
  over(held: Held): void {
    this.isOpen = false
    if (held.known !== undefined) held.known.status = 'I'
    this.unheard = undefined
    this.forgive(held)
  }

  forgive({ known }: Held): void {
    this.refusal = undefined
    if (known !== undefined) known.firstRefusal = undefined
  }

  /** A statement failed. */
  failed(error: unknown, held: Held | undefined): void {
    const refusal = findReplayRequired(error)
    if (this.isOpen) this.refusal ??= refusal
    // Sessions of Flyback's own reject the COMMIT themselves, for what they were refused.
    else if (this.#maybeRaw && (held?.known !== undefined || originOf(error) === undefined)) {
      this.unheard ??= refusal
    }
  }

  /** A statement of the caller's was answered. */
  answered({ query, sql }: CompiledQuery): void {
    if (query.kind !== 'RawNode') return
    this.#maybeRaw = !isCommit(sql)
    if (isCommit(sql) || rollsBack(sql)) this.unheard = undefined
  }
}
