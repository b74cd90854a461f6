import type { Consistency } from '../tokens/consistency.js'
import { parseToken, printToken } from '../tokens/token-text.js'
import { detachedScope } from './detached-scope.js'
import type { Scope } from './scope-state.js'
import { currentScope, runInScope } from './scope-store.js'

/**
 * The token of the work in progress: what it came with, and what it has committed so far. Give it to whoever has to see that, a job
 * or another service, which reads with {@link withToken}. `undefined` outside a scope, and while there is nothing to see.
 *
 * It is a position, not a secret, and whoever has it can do no more than wait for it. Opaque: its form may change.
 */
export function currentToken(): string | undefined {
  const entries = currentScope()?.tokens.required ?? []
  return entries.length === 0 ? undefined : printToken(entries)
}

/**
 * Runs work whose reads see everything that a token stands for, in any region. In a request its client sees it from then on, too;
 * outside of one the work gets a scope of its own, which cannot be replayed: where the replica is too far behind, it reads on the
 * primary.
 *
 * @param token one or more of {@link currentToken}, separated by commas; `undefined` is nothing to see
 * @throws TypeError when it is none
 *
 * @example
 * await queue.add({ userId, token: currentToken() })
 * // in the job
 * await withToken(job.token, () => sendWelcomeMail(job.userId))
 */
export async function withToken<T>(
  token: string | undefined,
  fn: () => T | PromiseLike<T>,
): Promise<T> {
  const entries = token === undefined ? [] : parseToken(token)
  if (token !== undefined && entries.length === 0) {
    throw new TypeError('withToken() needs a token as currentToken() gives it')
  }
  const scope = currentScope()
  if (scope === undefined) return await runDetached(detachedScope({ token: entries }), fn)
  scope.tokens.require(entries)
  return await fn()
}

/**
 * Runs work whose reads have another level of consistency than the rest of its request.
 *
 * @throws ConfigurationError for a level that is none
 *
 * @example
 * const related = await withConsistency('eventual', () => db.query('select ...'))
 */
export async function withConsistency<T>(
  consistency: Consistency,
  fn: () => T | PromiseLike<T>,
): Promise<T> {
  const scope = currentScope()
  if (scope === undefined) return await runDetached(detachedScope({ consistency }), fn)
  return await runInScope(scope.with(consistency), async () => await fn())
}

/**
 * Says that statements of this request write though they look like reads: a function called with SELECT in a request with a safe
 * method. What they commit from here on is captured; when something has been sent to the primary already, the client reads there
 * for a while. Does nothing outside a scope.
 */
export function markWrite(): void {
  currentScope()?.markWrite()
}

async function runDetached<T>(scope: Scope, fn: () => T | PromiseLike<T>): Promise<T> {
  try {
    // Queries of most libraries are lazy: they are sent when they are awaited, which must be inside.
    return await runInScope(scope, async () => await fn())
  } finally {
    scope.end()
  }
}
