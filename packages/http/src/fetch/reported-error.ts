import { findReplayRequired, type Scope } from '@flyback/core'
import { refusalOf } from '../refusal-of.js'

/** Whether an error that a framework reports is a refusal that has this scope's request replayed, and so is nothing to report. */
export function isReplayedIn(scope: Scope | undefined, error: unknown): boolean {
  if (scope === undefined || findReplayRequired(error) === undefined) return false
  return refusalOf(scope, error) !== undefined
}
