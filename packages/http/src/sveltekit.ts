import { currentScope } from '@flyback/core/scope'
import type { RequestEvent } from '@sveltejs/kit'
import type { Handle, HandleServerError } from '@sveltejs/kit/hooks'
import { isReplayedIn } from './fetch/reported-error.js'
import { createFetchBase, type FetchRequest } from './fetch-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * A `handle` that replays a request in the primary region when a write in it was refused. With others, it goes first in
 * `sequence`. Rules match the page's own path, also when its data alone is asked for; `match` gets the event.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * export const handle = flyback()
 */
export function flyback(options: FlybackOptions<RequestEvent> = {}): Handle {
  const serve = createFetchBase(options, readEvent)
  return function flybackHandle({ event, resolve }) {
    return serve(event, {
      run: () => resolve(event),
      route: () => (event.isRemoteRequest ? undefined : (event.route.id ?? undefined)),
    })
  }
}

// The `url` of a remote function's event is a page that the client names in a header: no rule may hang on it.
function readEvent({ request, url, isRemoteRequest }: RequestEvent): FetchRequest {
  return isRemoteRequest ? { request } : { request, path: url.pathname }
}

/**
 * The `handleError` of `hooks.server.ts`, around yours: it gets every error but those of a request that is replayed. SvelteKit
 * makes an error page of a refusal and reports it here, before `handle` replaces that page; a refusal thrown where the async
 * context was lost is found here.
 *
 * @example
 * export const handleError = flybackErrors(({ kind, error }) => {
 *   if (kind === 'unknown') console.error(error)
 * })
 */
export function flybackErrors(report: HandleServerError): HandleServerError {
  return function flybackHandleError(input) {
    return isReplayedIn(currentScope(), input.error) ? undefined : report(input)
  }
}
