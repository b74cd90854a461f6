import { findReplayRequired, type Scope } from '@flyback/core'

/**
 * Whether an error that a framework reports is a refusal that has this scope's request replayed, and so is nothing to report.
 * A refusal thrown where the scope was out of sight (the async context was lost) becomes the scope's own.
 */
export function isReplayedIn(scope: Scope | undefined, error: unknown): boolean {
  const thrown = findReplayRequired(error)
  if (scope === undefined || thrown === undefined) return false
  if (scope.replayable && thrown.replayable) scope.refuse(thrown.region, thrown.reason, thrown)
  return scope.refusal !== undefined
}
