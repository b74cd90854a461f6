import type { Application, NextFunction, Request, RequestHandler, Response } from 'express'
import { createNodeBase, type Served } from './node-base.js'
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
  const serve = createNodeBase(options, (req: Request) => ({ req }))
  const served = new WeakMap<Response, Served>()
  const apps = new WeakSet<Application>()

  // Express logs the stack of every error that reaches its end, and a replay is no error. So this goes to the end of the app
  // at its first request, behind the app's own error handlers; there it also sees what was thrown out of sight of the scope.
  function settleErrors(app: Application | undefined): void {
    if (app === undefined || apps.has(app)) return
    apps.add(app)
    app.use(function flybackErrors(
      error: unknown,
      _req: Request,
      res: Response,
      next: NextFunction,
    ) {
      const request = served.get(res)
      // A refusal after the headers breaks the response off, and belongs in the log.
      const isLate = request?.hasBegun() ?? false
      if (!request?.settle(error) || isLate) next(error)
    })
  }

  return function flybackMiddleware(req, res, next) {
    serve(req, res, {
      run(request) {
        if (request !== undefined) {
          served.set(res, request)
          settleErrors(req.app)
        }
        next()
      },
      fail: next,
    })
  }
}
