import type { FastifyBaseLogger, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { createNodeBase, type Served } from './node-base.js'
import type { FlybackOptions } from './options.js'
import type { Policy } from './policy.js'

export * from './shared.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What happens to requests to this route in a replica region. It goes before the `routes` of the plugin. */
    flyback?: { readonly policy: Policy }
  }
}

/**
 * A Fastify plugin that replays a request in the primary region when a write in it was refused. Register it first, once; it
 * covers the instance it is registered on, with its 404s and all below it.
 *
 * @throws {@link ConfigurationError} when it is loaded, naming the option that cannot be used
 *
 * @example
 * const app = Fastify()
 * app.register(flyback)
 * app.post('/search', { config: { flyback: { policy: 'attempt' } } }, search)
 */
export const flyback: FastifyPluginAsync<FlybackOptions<FastifyRequest>> = Object.assign(
  async function flybackPlugin(instance, options) {
    const serve = createNodeBase(options, (request: FastifyRequest) => ({
      req: request.raw,
      policy: request.routeOptions.config.flyback?.policy,
    }))
    const served = new WeakMap<FastifyRequest, Served>()

    instance.addHook('onRequest', function flybackRequest(request, reply, done) {
      serve(request, reply.raw, {
        run(own) {
          if (own !== undefined) served.set(request, own)
          done()
        },
        // Fastify answers whatever was thrown.
        fail: (error) => done(error as Error),
        route: () => request.routeOptions.url,
      })
    })
    // Ahead of every error handler, and with what was thrown out of sight of the scope.
    instance.addHook('onError', function flybackError(request, reply, error, done) {
      if (served.get(request)?.note(error)) reply.log = quieten(reply.log)
      done()
    })
  } satisfies FastifyPluginAsync<FlybackOptions<FastifyRequest>>,
  // What fastify-plugin does: hooks go to the instance that registers it, not to one below.
  {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@flyback/http',
    [Symbol.for('plugin-meta')]: { name: '@flyback/http', fastify: '5.x' },
  },
)

/**
 * Fastify's default error handler logs each error as one, through the logger of the reply. A replay is none, so that line
 * goes to the level `debug`; the handlers of the app stay in charge, and in order.
 */
function quieten(log: FastifyBaseLogger): FastifyBaseLogger {
  return new Proxy(log, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key === 'error' ? 'debug' : key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
