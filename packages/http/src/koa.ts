import { Readable } from 'node:stream'
import { currentScope } from '@flyback/core/scope'
import type { Context, Middleware } from 'koa'
import { bindReads } from './node/bind-events.js'
import { createNodeBase, type Served } from './node-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * A Koa middleware that replays a request in the primary region when a write in it was refused. Use it first, once. `match`
 * of a rule gets the context.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const app = new Koa()
 * app.use(flyback())
 */
export function flyback(options: FlybackOptions<Context> = {}): Middleware {
  // koa-mount cuts the URL of Node's request, and the context keeps the whole.
  const serve = createNodeBase(options, (ctx: Context) => ({ req: ctx.req, url: ctx.originalUrl }))
  return function flybackMiddleware(ctx, next) {
    return new Promise<void>((resolve, reject) => {
      // An answer in place of the app's ends the middleware, too; so does a client that goes away before anything ran.
      ctx.res.once('close', resolve)
      serve(ctx, ctx.res, {
        run(served) {
          if (served !== undefined) quieten(ctx, served)
          next()
            .catch((error: unknown) => {
              if (served?.note(error)) return
              // A refusal after the headers breaks the response off, and belongs in the log.
              served?.settle(error)
              throw error
            })
            .then(() => {
              // Settled before Koa begins with the body, also when the refusal was swallowed.
              if (served?.settle(undefined)) {
                ctx.respond = false
                return
              }
              if (served !== undefined && ctx.body instanceof Readable) watch(ctx.body, served)
              resolve()
            }, reject)
        },
        fail: reject,
        route: () => routeOf(ctx),
      })
    })
  }
}

/** Koa tells the app of each error as one, that of a body included. A replay is none. */
function quieten(ctx: Context, served: Served): void {
  const { onerror } = ctx
  Reflect.set(ctx, 'onerror', (error: Error | null) => {
    if (!served.note(error)) Reflect.apply(onerror, ctx, [error])
  })
}

/** koa-compress in front reads it outside of the scope, and would wait for ever for one that fails. */
function watch(body: Readable, { settle }: Served): void {
  const scope = currentScope()
  if (scope !== undefined) bindReads(body, scope)
  body.once('error', settle)
}

/** As the router of koajs keeps it, in all its versions. */
function routeOf(ctx: Context): string | undefined {
  const path: unknown = ctx['_matchedRoute']
  return typeof path === 'string' ? path : undefined
}
