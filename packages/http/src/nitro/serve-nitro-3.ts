import type { ServerResponse } from 'node:http'
import { currentScope } from '@flyback/core/scope'
import { isReplayedIn } from '../fetch/reported-error.js'
import { createFetchBase, type FetchRequest } from '../fetch-base.js'
import { isStream } from '../h3/is-stream.js'
import type { FlybackOptions } from '../options.js'
import type { Nitro3App, Nitro3Event, Nitro3Router } from './nitro-app.js'

/** What the server puts in a request. */
interface Served {
  readonly runtime?: { readonly node?: { readonly res?: ServerResponse } }
}

/** What Nitro's router is seen to do with a request. */
interface Routed {
  readonly event: Nitro3Event
  isWhole: boolean
}

/** Puts Flyback before everything in an app of Nitro 3, which has the web's requests. @throws ConfigurationError */
export function serveNitro3(app: Nitro3App, options: FlybackOptions<Request>): void {
  const serve = createFetchBase(options, readRequest)
  const handle = app.fetch
  const router = app.h3 ?? app._h3
  const routedOf = router === undefined ? () => undefined : watchRouter(router)

  app.fetch = function flybackFetch(input, ...rest) {
    const run = (): Response | Promise<Response> => handle(input, ...rest)
    if (!isIncoming(input) || rest[0] !== undefined) return run()
    return serve(input, {
      run,
      isWhole: () => routedOf(input)?.isWhole ?? false,
      route: () => routedOf(input)?.event.context.matchedRoute?.route,
    })
  }
}

/**
 * In Node the server of Nitro 3.0 aborts the signal of a request as soon as its body has been read.
 *
 * @see https://github.com/h3js/srvx/blob/v0.8.16/src/adapters/_node/request.ts (read 2026-11-25)
 */
function readRequest(request: Request): FetchRequest {
  const res = runtimeOf(request)?.node?.res
  return res === undefined ? { request } : { request, signal: () => clientSignal(res) }
}

function clientSignal(res: ServerResponse): AbortSignal {
  const client = new AbortController()
  const leave = (): void => client.abort()
  if (res.closed) leave()
  else res.once('close', leave)
  return client.signal
}

/** A request made in this process is part of what makes it, and no server has put its runtime in it. */
function isIncoming(input: unknown): input is Request {
  if (!(input instanceof Request)) return false
  return currentScope() === undefined || runtimeOf(input) !== undefined
}

function runtimeOf(request: Request & Served): Served['runtime'] {
  return request.runtime
}

/**
 * Looks at what handlers return before h3 makes responses of it, and takes the refusals that they throw: Nitro would print
 * their stack and tell its error hook, for an answer that nobody gets.
 */
function watchRouter(router: Nitro3Router): (request: Request) => Routed | undefined {
  const seen = new WeakMap<Request, Routed>()
  const handle = router.handler

  router.handler = async function flybackHandler(event) {
    const routed: Routed = { event, isWhole: true }
    seen.set(event.req, routed)
    let error: unknown
    try {
      const value: unknown = await Reflect.apply(handle, router, [event])
      // h3 takes an error that is returned for one that is thrown.
      if (!(value instanceof Error)) {
        routed.isWhole = !isStream(value)
        return value
      }
      error = value
    } catch (thrown) {
      error = thrown
    }
    if (!isReplayedIn(currentScope(), error)) throw error
    return new Response(null, { status: 409 })
  }
  return (request) => seen.get(request)
}
