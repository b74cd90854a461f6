import { createLink } from '@flyback/core'
import type pg from 'pg'
import type { Client } from './client.js'
import type { ClientConfig } from './config.js'
import { planConnections } from './plan-connections.js'
import { routeClient } from './routed-client.js'

/** The constructor of {@link Client}: pg's own, with Flyback's options under `flyback`. */
export interface ClientConstructor {
  new (config?: string | ClientConfig): Client
  readonly prototype: Client
}

/**
 * Makes a Client class from a copy of pg. One client is one connection, so its endpoint never changes: in a replica
 * region it is the replica, and refused work throws ReplayRequired.
 */
export function createClientClass(pgModule: {
  readonly Client: typeof pg.Client
}): ClientConstructor {
  return routeClient(pgModule.Client, (given) => {
    const config = typeof given === 'string' ? { connectionString: given } : given
    const plan = planConnections<ClientConfig>(config)
    const { routing } = plan
    if (routing === undefined) {
      return {
        config: typeof given === 'string' ? given : plan.config,
        link: undefined,
        pooled: false,
      }
    }
    const link = createLink(routing, routing.local)
    return { config: plan.config, link, pooled: false }
  })
}
