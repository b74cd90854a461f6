import { currentScope } from '@flyback/core/scope'
import { isReplayedIn } from '../fetch/reported-error.js'

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
