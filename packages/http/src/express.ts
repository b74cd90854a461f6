import type { Request, RequestHandler } from 'express'
import { createNodeBase } from './node-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * An Express middleware, for 4 and 5, that replays a request in the primary region when a write in it was refused. Mount it
 * first, once.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const app = express()
 * app.use(flyback())
 */
export function flyback(options: FlybackOptions<Request> = {}): RequestHandler {
  const serve = createNodeBase(options)
  return function flybackMiddleware(req, res, next) {
    serve(req, res, { run: () => next(), fail: next })
  }
}
