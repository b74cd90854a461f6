import { findReplayRequired, type ReplayRequired, type Scope } from '@flyback/core'

/**
 * The refusal that has a scope's request replayed, if any. One that was thrown where the scope was out of sight (the async
 * context was lost) becomes the scope's own.
 */
export function refusalOf(scope: Scope, error?: unknown): ReplayRequired | undefined {
  if (scope.refusal !== undefined || !scope.replayable) return scope.refusal
  const thrown = findReplayRequired(error)
  return thrown?.replayable ? scope.refuse(thrown.region, thrown.reason, thrown) : undefined
}
