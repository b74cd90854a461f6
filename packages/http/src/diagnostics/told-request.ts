import {
  type FlybackEvents,
  isObserved,
  publish,
  type RequestEnded,
  type RequestStarted,
  type Scope,
} from '@flyback/core'
import { bindToCaller } from '@flyback/core/scope'
import type { Admission } from '../admission.js'
import type { FrontRequest } from '../front.js'
import type { Settings } from '../options.js'
import type { PolicyChoice } from '../policy.js'
import type { ResponseWatch } from '../response-watch.js'
import { describeRequest } from './describe-request.js'
import { formatServerTiming } from './server-timing.js'

/** One request, as it is told on diagnostics_channel and in Server-Timing. */
export interface ToldRequest {
  /** The object of its events; `undefined` when nobody listens. */
  readonly request: RequestStarted | undefined
  /** The table has decided, maybe again, by this policy. */
  admitted(admission: Admission, choice: PolicyChoice): void
  opened(scope: Scope): void
  watched(watch: ResponseWatch): void
  /** What to add to the headers that go out now; `undefined` for nothing. */
  timing(): string | undefined
  /**
   * The answer is over. Calling it again does nothing.
   *
   * @param status `undefined` when none was begun
   * @param completed whether it went out to its end
   */
  end(status: number | undefined, completed: boolean): void
  /** The same in two steps, in either order: the answer has a status, and its scope is over. */
  responded(status: number): void
  over(completed: boolean): void
}

/** Any of these shows a request's object. */
const CHANNELS: readonly (keyof FlybackEvents)[] = [
  'flyback:request:start',
  'flyback:request:end',
  'flyback:statement:start',
  'flyback:statement:end',
  'flyback:refusal',
  'flyback:retry',
  'flyback:primary-unavailable',
]

/** Begins to tell a request; `undefined` when nobody wants to know. */
export function tellRequest(
  { method, path, route }: Pick<FrontRequest<unknown>, 'method' | 'path' | 'route'>,
  choice: PolicyChoice,
  origin: RequestStarted['origin'],
  { deployment, serverTiming }: Pick<Settings<unknown>, 'deployment' | 'serverTiming'>,
): ToldRequest | undefined {
  const observed = isObserved(...CHANNELS)
  if (!observed && !serverTiming) return undefined
  const { region, primaryRegion, role } = deployment
  const place = { region, primaryRegion, role }
  const began: RequestStarted = { ...place, method, path, ...policyOf(choice), origin }
  const beganMs = performance.now()
  let admission: Admission = { outcome: 'measure' }
  let scope: Scope | undefined
  let watch: ResponseWatch | undefined
  let ended = !observed
  let status: number | undefined
  let isOver: boolean | undefined
  const describe = (): ReturnType<typeof describeRequest> =>
    describeRequest({ role, admission, scope, watch })

  // A response closes in the context of its socket.
  const tellEnd = bindToCaller((code: number | undefined, completed: boolean) => {
    const durationMs = performance.now() - beganMs
    const fate = { ...describe(), route: route?.(), status: code, completed, durationMs }
    const event: RequestEnded = Object.assign(began, fate)
    publish('flyback:request:end', () => event)
  })
  if (observed) publish('flyback:request:start', () => began)

  return {
    request: observed ? began : undefined,
    admitted(next, decidedBy) {
      admission = next
      Object.assign(began, policyOf(decidedBy))
    },
    opened(its) {
      scope = its
    },
    watched(its) {
      watch = its
    },
    timing() {
      if (!serverTiming) return undefined
      return formatServerTiming(began, describe(), performance.now() - beganMs)
    },
    end,
    responded(code) {
      status = code
      if (scope === undefined || isOver !== undefined) end(code, isOver ?? true)
    },
    over(completed) {
      isOver = completed
      if (status !== undefined) end(status, completed)
    },
  }

  function end(code: number | undefined, completed: boolean): void {
    if (ended) return
    ended = true
    tellEnd(code, completed)
  }
}

function policyOf({ policy, by }: PolicyChoice): Pick<RequestStarted, 'policy' | 'policyBy'> {
  return { policy, policyBy: by }
}
