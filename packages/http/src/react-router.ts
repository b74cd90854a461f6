import { currentScope } from '@flyback/core/scope'
import type { HandleErrorFunction, LoaderFunctionArgs, MiddlewareFunction } from 'react-router'
import { isReplayedIn } from './fetch/reported-error.js'
import { createFetchBase } from './fetch-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * A React Router middleware that replays a request in the primary region when a write in it was refused. It belongs in
 * `root.tsx`, first. Rules match the route's own path, also when the router asks for `/path.data`; `match` gets what a loader
 * gets.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * export const middleware: Route.MiddlewareFunction[] = [flyback()]
 */
export function flyback(
  options: FlybackOptions<LoaderFunctionArgs> = {},
): MiddlewareFunction<Response> {
  const serve = createFetchBase(options, ({ request, url }: LoaderFunctionArgs) => ({
    request,
    path: url.pathname,
  }))
  return function flybackMiddleware(args, next) {
    return serve(args, {
      run: next,
      // It begins with a slash or not, as the app wrote its routes.
      route: () => args.pattern.replace(/^(?!\/)/, '/'),
    })
  }
}

/**
 * The `handleError` of `entry.server.tsx`, around yours: it gets every error but those of a request that is replayed. React
 * Router makes an error page of a refusal and reports it here, before the middleware replaces that page; a refusal thrown
 * where the async context was lost is found here.
 *
 * @example
 * export const handleError = flybackErrors((error, { request }) => {
 *   if (!request.signal.aborted) console.error(error)
 * })
 */
export function flybackErrors(report: HandleErrorFunction): HandleErrorFunction {
  return function flybackHandleError(error, args) {
    if (!isReplayedIn(currentScope(), error)) report(error, args)
  }
}
