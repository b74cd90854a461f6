import type { Deployment } from '../deployment/detect-deployment.js'
import { staticPrimary } from '../deployment/primary-locator.js'
import type { Hint } from './choose-endpoint.js'
import type { FlybackOptions } from './flyback-options.js'
import { createRouter, type Router, type RouterOptions } from './router.js'

/** What the connections of an adapter need to know of the options. */
export interface Settings {
  readonly refuseAdvisoryLocks: boolean
  readonly writerDeadlineMs: number
  readonly maxWaitMs: number
  /** How many pieces of work of this process may fall back on the primary at once. */
  readonly maxFallbacks: number
}

/** How an adapter over one cluster takes part: whom it asks, and how it behaves. */
export interface Routing {
  readonly router: Router
  readonly settings: Settings
  /** What the handle that shows it asks for: `primary` for `pool.primary` and its kind. @default 'none' */
  readonly hint?: Hint
}

/** Puts options and endpoints together; the options have been checked. */
export function createRouting(
  deployment: Deployment,
  options: FlybackOptions,
  endpoints: Pick<RouterOptions, 'cluster' | 'hasReplica' | 'servers'>,
): Routing {
  const { maxFallbacks = 100 } = options
  return {
    router: createRouter({
      deployment,
      locator: options.locator ?? staticPrimary(deployment),
      ...endpoints,
      whenReplicaDown: options.whenReplicaDown ?? 'forward',
      maxFallbacks,
    }),
    settings: {
      refuseAdvisoryLocks: (options.advisoryLocks ?? 'refuse') === 'refuse',
      writerDeadlineMs: options.writerDeadlineMs ?? 5000,
      maxWaitMs: options.maxWaitMs ?? 250,
      maxFallbacks,
    },
  }
}

const ROUTING: symbol = Symbol.for('flyback.routing')

/**
 * Shows an adapter's routing to the adapters built on it (an ORM's, over a pool). Not enumerable. `undefined` in the
 * role `single`, where the driver alone does everything.
 */
export function exposeRouting(owner: object, routing: Routing | undefined): void {
  Object.defineProperty(owner, ROUTING, { value: routing })
}

/** Whether a value is a pool or client of Flyback's, in whichever role and by whichever copy of this package. */
export function hasRouting(value: object): boolean {
  return ROUTING in value
}

/** The routing of a pool or client of Flyback's; `undefined` in the role `single`, and for anything else. */
export function routingOf(value: object): Routing | undefined {
  const routing: unknown = Reflect.get(value, ROUTING)
  return isRouting(routing) ? routing : undefined
}

/** Only `exposeRouting` uses the symbol, whichever copy of this package it came with. */
function isRouting(value: unknown): value is Routing {
  return typeof value === 'object' && value !== null && 'router' in value && 'settings' in value
}
