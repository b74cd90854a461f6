import { detectDeployment, parseToken, Scope, type ScopeOptions } from '@flyback/core'
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

/** Runs work as one request to a region, which carries a token; its library may be as lazy as it likes. */
export async function requestWith<T>(
  database: { env(region: string): Readonly<Record<string, string>> },
  region: string,
  token: string | undefined,
  work: (scope: Scope) => T | PromiseLike<T>,
  options: Partial<ScopeOptions> = {},
): Promise<T> {
  const { role, primaryRegion } = detectDeployment(database.env(region))
  const scope = new Scope({
    role,
    primaryRegion,
    canReplay: role === 'replica',
    token: parseToken(token ?? ''),
    ...options,
  })
  return await inRequest(scope, async () => await work(scope))
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
