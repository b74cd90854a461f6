import { currentScope } from '@flyback/core/scope'
import { type H3Event, type Middleware, toResponse } from 'h3'
import { createFetchBase } from './fetch-base.js'
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
    let value: unknown
    let own: Response | undefined
    const answer = await serve(event, {
      async run() {
        value = await next()
        const scope = currentScope()
        const isWatched = scope !== outer && scope?.role === 'replica' && isStream(value)
        // Anything else is complete by now, and h3 makes the response of it: an error goes to `onError`, nothing is a 404.
        own = isWatched ? await toResponse(value, event) : new Response(null)
        if (isWatched) value = own
        return own
      },
      // An error may be returned as well as thrown.
      caught: () => (value instanceof Error ? value : undefined),
    })
    if (answer === own) return value
    // h3 would add the headers that were prepared for the response it replaces.
    clear(event.res.headers)
    clear(event.res.errHeaders)
    return answer
  }
}

function isStream(value: unknown): boolean {
  // An upgrade is told by a property of the response that holds its hooks.
  if (value instanceof Response) return !('crossws' in value)
  return (
    isReadable(value) || (typeof value === 'object' && isReadable(Reflect.get(value ?? {}, 'body')))
  )
}

function isReadable(value: unknown): boolean {
  if (value instanceof ReadableStream) return true
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'pipe') === 'function'
  )
}

function clear(headers: Headers): void {
  // Not while they are iterated, which would leave some out.
  const names = [...headers.keys()]
  for (const name of names) headers.delete(name)
}
