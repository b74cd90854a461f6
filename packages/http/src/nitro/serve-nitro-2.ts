import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope } from '@flyback/core/scope'
import { isReplayedIn } from '../fetch/reported-error.js'
import { createNodeBase } from '../node-base.js'
import type { FlybackOptions } from '../options.js'
import type { Nitro2App, Nitro2Event } from './nitro-app.js'

/** Puts Flyback before everything in an app of Nitro 2, which has Node's own requests. @throws ConfigurationError */
export function serveNitro2(app: Nitro2App, options: FlybackOptions<IncomingMessage>): void {
  const serve = createNodeBase(options, (req: IncomingMessage) => ({ req }))
  const { h3App } = app
  const handle = h3App.handler
  const run = async (event: Nitro2Event): Promise<unknown> => await handle(event)

  h3App.handler = function flybackHandler(event) {
    const { req, res } = event.node
    // `$fetch('/api')` makes a request of its own, in this process: it is part of what made it.
    if ('__unenv__' in req) return run(event).catch((error: unknown) => endReplayed(res, error))
    return new Promise((resolve, reject) => {
      let isOurs = true
      res.once('close', () => isOurs && resolve(undefined))
      serve(req, res, {
        run(served) {
          isOurs = false
          run(event).then(resolve, (error: unknown) =>
            served?.settle(error) ? resolve(undefined) : reject(error),
          )
        },
        fail: reject,
        route: () => event.context.matchedRoute?.path,
      })
    })
  }

  app.hooks.hook('render:response', throwRefusal)
}

/** Nitro would print the stack of a refusal and render an error page, for an answer that nobody gets. */
function endReplayed(res: ServerResponse, error: unknown): void {
  if (!isReplayedIn(currentScope(), error)) throw error
  res.statusCode = 409
  res.end()
}

/** A page that went on without what was refused is not kept by Nitro's cache when its rendering fails. */
function throwRefusal(): void {
  const scope = currentScope()
  const refusal = scope?.state === 'forwarding' ? undefined : (scope?.refusal ?? scope?.lostRefusal)
  if (refusal !== undefined) throw refusal
}
