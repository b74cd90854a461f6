import { findReplayRequired, type Scope } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'

const scopes = new WeakMap<Request, Scope>()

/** Remembers the scope a request runs in: a framework may report its errors outside of it. */
export function rememberScope(request: Request): void {
  const scope = currentScope()
  if (scope !== undefined) scopes.set(request, scope)
}

/** Whether an error that a framework reports is a refusal whose request is replayed, and so is nothing to report. */
export function isReplayed(request: Request, error: unknown): boolean {
  return isReplayedIn(scopes.get(request) ?? currentScope(), error)
}

/**
 * Whether an error is a refusal that has this scope's request replayed. A refusal thrown where the scope was out of sight
 * (the async context was lost) becomes the scope's own.
 */
export function isReplayedIn(scope: Scope | undefined, error: unknown): boolean {
  const thrown = findReplayRequired(error)
  if (scope === undefined || thrown === undefined) return false
  if (scope.replayable && thrown.replayable) scope.refuse(thrown.region, thrown.reason, thrown)
  return scope.refusal !== undefined
}
