import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConfigurationError } from '@flyback/core'
import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core'
import { createNodeBase, type Served } from '../node-base.js'
import type { FlybackOptions } from '../options.js'
import { decoratedRoutes } from './decorated-routes.js'

/** What runs of a request, by the request as a guard or a filter has it. */
export type ServedRequests = (request: object) => Served | undefined

/** Fastify's own request, which keeps Node's. */
interface WrappedRequest {
  readonly raw: IncomingMessage
  readonly routeOptions?: { readonly url?: string }
}

const hosts = new WeakSet<HttpAdapterHost>()

/**
 * Serves all requests of an application, in front of what `main.ts` and its modules mount: providers are there before
 * `NestFactory.create` returns, while body parsers and the middleware of modules come with `app.init()`.
 *
 * @throws ConfigurationError
 */
export function serveRequests(
  options: FlybackOptions<IncomingMessage>,
  host: HttpAdapterHost,
  modules: ModulesContainer,
): ServedRequests {
  if (hosts.has(host)) {
    throw new ConfigurationError('FlybackModule', 'is configured twice: import it once')
  }
  hosts.add(host)
  const serve = createNodeBase(options, (req: IncomingMessage) => ({ req }))
  const isDecorated = decoratedRoutes(modules)
  const served = new WeakMap<object, Served>()
  const wrapped = new WeakMap<IncomingMessage, WrappedRequest>()

  function flybackMiddleware(
    req: IncomingMessage,
    res: ServerResponse,
    next: (error?: unknown) => void,
  ): void {
    serve(req, res, {
      undecided: isDecorated,
      run(request) {
        if (request !== undefined) served.set(req, request)
        next()
      },
      fail: next,
      route: () => wrapped.get(req)?.routeOptions?.url,
    })
  }

  // Without HTTP (a standalone application, a microservice) there is no adapter; in tests it comes with the application.
  const mount = (): unknown => host.httpAdapter?.use(flybackMiddleware)
  if (host.httpAdapter) mount()
  else host.init$.subscribe(mount)

  return (request) => {
    if (!isWrapped(request)) return served.get(request)
    wrapped.set(request.raw, request)
    return served.get(request.raw)
  }
}

function isWrapped(request: object): request is WrappedRequest {
  const raw: unknown = Reflect.get(request, 'raw')
  return typeof raw === 'object' && raw !== null
}
