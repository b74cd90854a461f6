import { isReplayRequired, type ReplayRequired } from './replay-required.js'
import { walkError } from './walk-error.js'

/**
 * Finds the {@link ReplayRequired} in an error, however it was wrapped (an ORM's error, `cause`, `AggregateError`).
 *
 * Total: `undefined` for anything else, and never throws or loops on any value.
 *
 * @example
 * try { await db.insert(orders).values(order) } catch (error) {
 *   if (findReplayRequired(error)) throw error // let the middleware replay the request
 *   await refundPayment()
 * }
 */
export function findReplayRequired(error: unknown): ReplayRequired | undefined {
  return walkError(error).find((link): link is ReplayRequired => isReplayRequired(link))
}
