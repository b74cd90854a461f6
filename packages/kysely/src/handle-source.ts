import type { Routing } from '@flyback/core'
import type { Driver } from 'kysely'
import { WrongSide } from './handle-sides.js'
import type { Held, Source } from './held.js'

/** Connections of Flyback's own pools and handles: those choose, admit and judge by themselves. */
export function handleSource(routing: Routing, local: Driver, writer: Driver): Source {
  return {
    routing,
    async take({ endpoint }, acquireArgs): Promise<Held> {
      if (endpoint === 'replica') {
        try {
          const connection = await local.acquireConnection(...acquireArgs)
          return { driver: local, connection, endpoint }
        } catch (error) {
          if (!(error instanceof WrongSide)) throw error
        }
      }
      const connection = await writer.acquireConnection(...acquireArgs)
      return { driver: writer, connection, endpoint: 'writer' }
    },
  }
}
