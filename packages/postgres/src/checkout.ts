import { isCommit, NO_RETRY, refusalBeforeSending, type Scope } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import type { Attempt } from './attempt.js'
import { connectionError } from './connection-errors.js'
import { type DriverQuery, replaceHandler } from './driver-internals.js'
import type { Lane } from './lane.js'
import { giveBack, type LaneSets } from './lane-source.js'
import { textOf } from './query-text.js'
import { callerOf, judgeLate } from './routed-query.js'
import { commandsOf } from './transaction-state.js'

/**
 * A lane that one caller has for itself: a transaction, or `reserve`. Statements go out in the order they are executed,
 * pipelined, and never run elsewhere; after a loss of the connection nothing is handed to it any more.
 */
export class Checkout {
  readonly lane: Lane
  readonly scope: Scope | undefined
  /** Rejects when the connection ends, as the driver's `begin` does. */
  readonly lost: Promise<never>
  readonly #sets: LaneSets
  #over = false
  /** Ends a transaction that another request left behind; statements wait for it. */
  #tidying: Promise<unknown> | undefined

  /** @param onReclaimed told when the scope takes the lane back */
  constructor(sets: LaneSets, lane: Lane, scope: Scope | undefined, onReclaimed?: () => void) {
    this.lane = lane
    this.scope = scope
    this.#sets = sets
    this.lost = new Promise((_, reject) => {
      // A lane that was taken back says what for.
      lane.whenEnded((error) => reject(lane.reclaimedBy ?? error))
    })
    this.lost.catch(() => {})
    lane.firstRefusal = undefined
    lane.checkedOut = true
    lane.lend(scope, () => {
      onReclaimed?.()
      lane.destroy()
    })
  }

  /** Makes a query of the driver run here when it is executed. */
  adopt(query: DriverQuery, read?: () => Promise<string>): DriverQuery {
    const { canceller } = query
    let sent: Attempt | undefined
    query.canceller = (given) => (sent === undefined ? canceller?.(given) : this.lane.cancel(sent))
    const send = (): void => {
      const left = this.#endLeftOpen()
      if (left !== undefined) {
        void left.then(send)
        return
      }
      if (query.cancelled) return
      sent = this.#send(query, () => {
        sent = undefined
      })
    }
    replaceHandler(query, () => {
      if (read === undefined) return send()
      read().then(
        (text) => {
          query.strings = [text]
          send()
        },
        (error: unknown) => query.reject(error),
      )
    })
    return query
  }

  #endLeftOpen(): Promise<unknown> | undefined {
    if (this.#tidying === undefined && this.lane.isLeftOpen(currentScope() ?? this.scope)) {
      this.#tidying = this.lane.rollback().then((ended) => {
        this.#tidying = undefined
        if (!ended) this.lane.destroy()
      })
    }
    return this.#tidying
  }

  #send(query: DriverQuery, answered: () => void): Attempt | undefined {
    const { lane } = this
    const scope = currentScope() ?? this.scope
    const text = textOf(query)
    if (this.#over) {
      query.reject(connectionError('CONNECTION_ENDED', lane.options))
      return undefined
    }
    const refusal = refusalBeforeSending(lane, scope, text) ?? lane.failure
    if (refusal !== undefined) {
      lane.note(refusal, scope)
      query.reject(refusal)
      return undefined
    }
    const told = lane.beginSending(scope)
    const attempt = lane.send(query, {
      scope,
      text,
      inCaller: callerOf(query),
      judgeLate: (error) => judgeLate(lane, scope, error),
    })
    const { firstRefusal } = lane
    void attempt.answered.then(async (outcome) => {
      answered()
      if (outcome.type === 'value') {
        lane.endSending(scope, told)
        const { value } = outcome
        const captured = lane.captureFor(attempt)
        if (captured !== undefined) await captured
        const failed = isCommit(text) && commandsOf(value).includes('ROLLBACK')
        // The server answers ROLLBACK to a COMMIT when a refusal was swallowed.
        if (failed && firstRefusal !== undefined) query.reject(firstRefusal)
        else query.resolve(value)
        return
      }
      const error = outcome.type === 'error' ? outcome.error : lane.failure
      await lane.announced(error)
      // What was not written cannot have committed.
      const sent = outcome.type === 'error' ? text : ''
      const remedy = lane.judge(scope, NO_RETRY, error, told, sent)
      query.reject(remedy.type === 'throw' ? remedy.error : error)
    })
    return attempt
  }

  /** Gives the lane back. @param clean ends a transaction that is still open, if any */
  async close(clean: boolean): Promise<void> {
    if (this.#over) return
    this.#over = true
    const { lane } = this
    const refused = lane.firstRefusal !== undefined || this.scope?.refusal !== undefined
    lane.giveBack()
    // What was sent before a plain release may take its time.
    if (lane.busy && !refused && !clean) await lane.idle(false)
    const open = lane.busy || lane.status !== 'I'
    const kept = !lane.mustGo() && (!open || (await tidy(lane)))
    lane.checkedOut = false
    giveBack(this.#sets, lane, !kept)
  }
}

/** Ends the transaction that is left. A scope that was refused sends nothing more, so its own ROLLBACK never came. */
async function tidy(lane: Lane): Promise<boolean> {
  if (!(await lane.idle()) || lane.failure !== undefined) return false
  return lane.status === 'I' || (await lane.rollback())
}
