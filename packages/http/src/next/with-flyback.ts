import { createFetchBase } from '../fetch-base.js'
import type { FlybackOptions } from '../options.js'

/**
 * A route handler, or a `proxy` of your own, with a replay of the request in the primary region when a write in it was
 * refused. Under `registerFlyback` it changes nothing.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * export const POST = withFlyback(async (request) => Response.json(await save(await request.json())))
 */
export function withFlyback<R extends Request, Rest extends unknown[]>(
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
  options: FlybackOptions<R> = {},
): (request: R, ...rest: Rest) => Promise<Response> {
  const serve = createFetchBase(options, (request: R) => ({ request }))
  return async function flybackHandler(request, ...rest) {
    return await serve(request, { run: () => handler(request, ...rest) })
  }
}
