import { currentScope } from '@flyback/core/scope'
import { isReplayedIn } from '../fetch/reported-error.js'
import { createFetchBase } from '../fetch-base.js'
import type { FlybackOptions } from '../options.js'
import type { Nitro3App, Nitro3Router } from './nitro-app.js'

/** Puts Flyback before everything in an app of Nitro 3, which has the web's requests. @throws ConfigurationError */
export function serveNitro3(app: Nitro3App, options: FlybackOptions<Request>): void {
  const serve = createFetchBase(options, (request: Request) => ({ request }))
  const handle = app.fetch

  app.fetch = function flybackFetch(input, ...rest) {
    const run = (): Response | Promise<Response> => handle(input, ...rest)
    return isIncoming(input) && rest[0] === undefined ? serve(input, { run }) : run()
  }

  const router = app.h3 ?? app._h3
  if (router !== undefined) quiet(router)
}

/** A request made in this process is part of what makes it, and no server has put its runtime in it. */
function isIncoming(input: unknown): input is Request {
  if (!(input instanceof Request)) return false
  return currentScope() === undefined || Reflect.get(input, 'runtime') !== undefined
}

/** Nitro would print the stack of a refusal and tell its error hook, for an answer that nobody gets. */
function quiet(router: Nitro3Router): void {
  const handle = router.handler
  router.handler = async function flybackHandler(event) {
    let error: unknown
    try {
      const value: unknown = await Reflect.apply(handle, router, [event])
      // h3 takes an error that is returned for one that is thrown.
      if (!(value instanceof Error)) return value
      error = value
    } catch (thrown) {
      error = thrown
    }
    if (!isReplayedIn(currentScope(), error)) throw error
    return new Response(null, { status: 409 })
  }
}
