import { runOnPrimary } from '@flyback/http'
import { type Ask, query } from '../ask-reply.ts'
import { type World, write } from '../world.ts'

/** WebSockets below `/socket`, for servers that have them. */
export interface Sockets {
  /** What is said first; runs before the connection is upgraded, and throws what it throws. */
  greet(ask: Pick<Ask, 'url'>): Promise<string>
  /** What is said to a message. */
  answer(message: string): Promise<string>
}

export function createSockets(world: World): Sockets {
  return {
    async greet({ url }) {
      if (url.startsWith('/socket/write')) await write(world, query({ url }, 'id'))
      else await world.pool.query('select 1')
      return `hello from ${world.region}`
    },
    async answer(message) {
      await runOnPrimary(() => write(world, message))
      return `written in ${world.region}`
    },
  }
}
