import type { RequestEvent } from '@sveltejs/kit'
import type { Handle, HandleServerError } from '@sveltejs/kit/hooks'

export interface KitHooks {
  readonly handle: Handle
  readonly handleError?: HandleServerError
}

const DATA = '/__data.json'

/**
 * As much of SvelteKit as its hooks see: an event whose `url` is the page's own, and an error page for whatever is thrown.
 * SvelteKit itself runs only as part of a built app; such a one is tested in packages/frameworks.
 */
export function createKitApp(
  { handle, handleError = () => undefined }: KitHooks,
  respond: (event: RequestEvent) => Promise<Response> | Response,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url)
    const page = request.headers.get('x-sveltekit-pathname')
    if (page !== null) url.pathname = page
    const isDataRequest = url.pathname.endsWith(DATA)
    if (isDataRequest) url.pathname = url.pathname.slice(0, -DATA.length) || '/'
    // The rest of an event is nothing to a hook of ours.
    const event = {
      request,
      url,
      isDataRequest,
      isRemoteRequest: page !== null,
      route: { id: url.pathname.replace(/\d+/g, '[id]') },
    } as RequestEvent
    const fail = async (error: unknown): Promise<Response> => {
      await handleError({ kind: 'unknown', error, event })
      const headers = { 'content-type': 'text/html; charset=utf-8' }
      return new Response('failed', { status: 500, headers })
    }
    const resolve = async (): Promise<Response> => {
      try {
        return await respond(event)
      } catch (error) {
        return await fail(error)
      }
    }
    try {
      return await handle({ event, resolve })
    } catch (error) {
      return await fail(error)
    }
  }
}
