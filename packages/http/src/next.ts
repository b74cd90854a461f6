import type { IncomingMessage } from 'node:http'
import { detectDeployment, Scope } from '@flyback/core'
import { currentScope, runInScope } from '@flyback/core/scope'
import type { NextRequest } from 'next/server.js'
import { isReplayedIn } from './fetch/reported-error.js'
import { createFetchBase } from './fetch-base.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/**
 * The `register` of `instrumentation.ts`: every request to Next's own server (`next start`, the standalone `server.js`) is
 * replayed in the primary region when a write in it was refused, be it in a page, a server action, a route handler or a
 * handler of the Pages Router. Does nothing while Next builds, and in the edge runtime. A custom server has
 * `withFlyback` of `@flyback/http/node` instead.
 *
 * A write that comes after the first byte of a streamed page, in `after()` or while a cached page is made anew runs on the
 * primary from here.
 *
 * @returns rejects with {@link ConfigurationError}, naming the option that cannot be used; then Next does not start
 *
 * @example
 * // instrumentation.ts
 * export { registerFlyback as register } from '@flyback/http/next'
 */
export async function registerFlyback(
  options: FlybackOptions<IncomingMessage> = {},
): Promise<void> {
  // Next puts the runtime in here as it builds, once for each, and leaves out what the condition rules out.
  if (process.env['NEXT_RUNTIME'] !== 'edge') {
    const { register } = await import('./next/register.js')
    register(options)
  }
}

/**
 * What Next tells of an error. Not `Instrumentation.onRequestError` itself: the types of `next` change those of `process.env`.
 *
 * @see https://nextjs.org/docs/app/api-reference/file-conventions/instrumentation (read 2026-11-25)
 */
export type OnRequestError = (
  error: unknown,
  request: Readonly<{
    path: string
    method: string
    headers: Readonly<Record<string, string | string[] | undefined>>
  }>,
  context: Readonly<{
    routerKind: 'Pages Router' | 'App Router'
    routePath: string
    routeType: 'render' | 'route' | 'action' | 'proxy'
    renderSource?: string
    revalidateReason: 'on-demand' | 'stale' | undefined
  }>,
) => void | Promise<void>

/**
 * The `onRequestError` of `instrumentation.ts`, around yours: it gets every error but those of a request that is replayed. A
 * refusal thrown where the async context was lost is found here. What Next itself prints it prints all the same.
 *
 * @example
 * export const onRequestError = flybackErrors((error) => report(error))
 */
export function flybackErrors(report: OnRequestError = () => undefined): OnRequestError {
  return function flybackOnRequestError(error, request, context) {
    return isReplayedIn(currentScope(), error) ? undefined : report(error, request, context)
  }
}

/**
 * A `proxy` that replays what belongs in the primary region by its method or a rule, before anything is rendered, and lets
 * all else pass. With {@link registerFlyback} it is needed only for requests that come while Next still starts.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * // proxy.ts
 * export const proxy = flyback()
 * export const config = { matcher: '/((?!_next/static|_next/image).*)' }
 */
export function flyback(
  options: FlybackOptions<NextRequest> = {},
): (request: NextRequest) => Promise<Response | undefined> {
  const serve = createFetchBase(options, readRequest)
  return async function flybackProxy(request) {
    const passing = new Response()
    const answer = await serve(request, { run: () => passing })
    return answer === passing ? undefined : answer
  }
}

/**
 * A route handler, or a `proxy` of your own, with a replay of the request in the primary region when a write in it was
 * refused. Under {@link registerFlyback} it changes nothing.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * export const POST = withFlyback(async (request) => Response.json(await save(await request.json())))
 */
export function withFlyback<R extends Request, Rest extends unknown[]>(
  handler: (request: R, ...rest: Rest) => Response | Promise<Response>,
  options: FlybackOptions<R> = {},
): (request: R, ...rest: Rest) => Promise<Response> {
  const serve = createFetchBase(options, readRequest)
  return async function flybackHandler(request, ...rest) {
    return await serve(request, { run: () => handler(request, ...rest) })
  }
}

export interface FlybackScopeOptions extends Pick<FlybackOptions, 'env' | 'deployment'> {
  /**
   * `attempt`: reads run on the replica, and a write that it refuses runs on the primary. `forward`: all runs on the primary.
   *
   * @default 'attempt'
   */
  readonly policy?: 'attempt' | 'forward'
}

/**
 * A server action, a page, a layout or a `generateMetadata` that stays in its region: none of them has a status or a header
 * that could ask for a replay. Its writes run on the primary from here; a transaction that began on the replica cannot move,
 * and fails. In a request that Flyback serves already, as all are under {@link registerFlyback}, it changes nothing.
 *
 * @throws {@link ConfigurationError} at once, for a deployment that cannot be
 *
 * @example
 * 'use server'
 * export const save = withFlybackScope(async (form: FormData) => {
 *   await pool.query('insert into entry (message) values ($1)', [form.get('message')])
 * })
 */
export function withFlybackScope<A extends unknown[], T>(
  work: (...args: A) => T | PromiseLike<T>,
  options: FlybackScopeOptions = {},
): (...args: A) => Promise<T> {
  const { env = process.env, policy = 'attempt' } = options
  const { role, primaryRegion } = options.deployment ?? detectDeployment(env)
  return async function flybackWork(...args) {
    if (currentScope() !== undefined) return await work(...args)
    const forward = policy === 'forward'
    const scope = new Scope({ role, primaryRegion, canReplay: false, forward })
    return await runInScope(scope, async () => await work(...args))
  }
}

function readRequest<R extends Request>(request: R): { request: R } {
  return { request }
}
