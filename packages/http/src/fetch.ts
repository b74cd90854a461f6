import { type Answered, createFetchBase } from './fetch-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * A handler from Request to Response, with a replay of the request in the primary region when a write in it was refused.
 * Further arguments (an environment, a server) are passed on. An upgrade passes untouched, as `undefined` in Bun and with
 * status 101 elsewhere: what decides whether it is replayed belongs before it.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * export default { fetch: withFlyback(async (request) => Response.json(await visit(request))) }
 */
export function withFlyback<Rest extends unknown[], T extends Answered = Response>(
  handler: (request: Request, ...rest: Rest) => T | Promise<T>,
  options: FlybackOptions<Request> = {},
): (request: Request, ...rest: Rest) => Promise<T | Response> {
  const serve = createFetchBase(options, (request: Request) => ({ request }))
  return function flybackHandler(request, ...rest) {
    return serve(request, { run: () => handler(request, ...rest) })
  }
}
