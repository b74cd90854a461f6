import type { NextRequest } from 'next/server.js'
import { createFetchBase } from '../fetch-base.js'
import type { FlybackOptions } from '../options.js'

/**
 * A `proxy` that replays what belongs in the primary region by its method or a rule, before anything is rendered, and lets
 * all else pass. With `registerFlyback` it is needed only for requests that come while Next still starts.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * // proxy.ts
 * export const proxy = flyback()
 * export const config = { matcher: '/((?!_next/static|_next/image).*)' }
 */
export function flyback(
  options: FlybackOptions<NextRequest> = {},
): (request: NextRequest) => Promise<Response | undefined> {
  const serve = createFetchBase(options, (request: NextRequest) => ({ request }))
  return async function flybackProxy(request) {
    const passing = new Response()
    const answer = await serve(request, { run: () => passing })
    return answer === passing ? undefined : answer
  }
}
