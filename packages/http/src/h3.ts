import { currentScope } from '@flyback/core/scope'
import { type H3Event, type Middleware, toResponse } from 'h3'
import { createFetchBase } from './fetch-base.js'
import { isStream } from './h3/is-stream.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * An h3 middleware, for h3 2, that replays a request in the primary region when a write in it was refused. Mount it first,
 * once. `match` gets the event.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const app = new H3()
 * app.use(flyback())
 */
export function flyback(options: FlybackOptions<H3Event> = {}): Middleware {
  const serve = createFetchBase(options, ({ req }: H3Event) => ({ request: req }))
  return async function flybackMiddleware(event, next) {
    const outer = currentScope()
    let left: { readonly value: unknown; readonly as: Response } | undefined
    let isWhole = false

    /** Leaves what the handler returned to h3: nothing is a 404, and where Flyback is idle h3 alone makes responses. */
    function leave(value: unknown, status: number): Response {
      left = { value, as: new Response(null, { status }) }
      return left.as
    }

    const answer = await serve(event, {
      async run() {
        const value = await next()
        if (currentScope() === outer) return leave(value, 200)
        if (value === undefined || typeof value === 'symbol') return leave(value, 404)
        // h3 takes an error that is returned for one that is thrown.
        if (value instanceof Error) throw value
        isWhole = !isStream(value)
        return await respond(event, value)
      },
      isWhole: () => isWhole,
      route: () => event.context.matchedRoute?.route,
    })
    if (answer === left?.as) return left.value
    // h3 would add the headers that were prepared for the response it replaces.
    clear(event.res.headers)
    clear(event.res.errHeaders)
    return answer
  }
}

/** The response that h3 itself would make, with the headers that were prepared. */
function respond(event: H3Event, value: unknown): Response | Promise<Response> {
  // Once is enough for this hook: h3 calls it for the whole app.
  const { onResponse: _, ...config } = event.app?.config ?? {}
  return toResponse(value, event, config)
}

function clear(headers: Headers): void {
  // Not while they are iterated, which would leave some out.
  const names = [...headers.keys()]
  for (const name of names) headers.delete(name)
}
