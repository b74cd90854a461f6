import type { MiddlewareHandler } from 'hono'
import { createFetchBase } from './fetch-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * A Hono middleware that replays a request in the primary region when a write in it was refused. Mount it first, once.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const app = new Hono()
 * app.use(flyback())
 */
export function flyback(options: FlybackOptions<Request> = {}): MiddlewareHandler {
  const serve = createFetchBase(options, (request: Request) => ({ request }))
  return async function flybackMiddleware(c, next) {
    let own: Response | undefined
    const answer = await serve(c.req.raw, {
      async run() {
        await next()
        own = c.res
        return own
      },
      // What `onError` made a response of.
      caught: () => c.error,
      route: () => c.req.routePath,
    })
    if (answer === own) return
    // Hono would add the headers of the response it replaces.
    c.res = undefined
    c.res = answer
  }
}
