import { detectDeployment, Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'

/** Opens a scope as the middleware would for a request that may be replayed. */
export function openScope(
  database: { env(region: string): Readonly<Record<string, string>> },
  region: string,
  canReplay = true,
): Scope {
  const { role, primaryRegion } = detectDeployment(database.env(region))
  return new Scope({ role, primaryRegion, canReplay: canReplay && role === 'replica' })
}

/** Runs work as one request, and ends its scope. */
export async function inRequest<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  try {
    return await runInScope(scope, work)
  } finally {
    scope.end()
  }
}

/** What a promise rejects with; fails when it resolves. */
export async function failure(work: PromiseLike<unknown>): Promise<Error> {
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in outcome && outcome.error instanceof Error) return outcome.error
  throw new Error(`expected a rejection with an Error, got ${JSON.stringify(outcome)}`)
}
