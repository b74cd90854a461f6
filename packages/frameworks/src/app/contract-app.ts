import type { FlybackOptions } from '@flyback/http'
import { Pool } from '@flyback/pg'
import { type Ask, json, type Reply, type Route } from './ask-reply.ts'
import { bodyRoutes } from './routes/bodies.ts'
import { readRoutes } from './routes/reads.ts'
import { createSockets, type Sockets } from './routes/sockets.ts'
import { streamRoutes } from './routes/streams.ts'
import { writeRoutes } from './routes/writes.ts'
import type { World } from './world.ts'

/** The app that every framework serves for the contract. */
export interface ContractApp {
  /** What `flyback()` is given, in every framework. */
  readonly options: Pick<FlybackOptions, 'env' | 'routes' | 'whenNotReplayable'>
  /** To be registered in the framework's own way, at `/` and once more at `/mounted`. */
  readonly routes: readonly Route[]
  /** Finds the route itself, for frameworks whose routes are files: with or without the mount point; 404 for no route. */
  handle(ask: Ask): Promise<Reply>
  readonly sockets: Sockets
  close(): Promise<void>
}

type Env = Readonly<Record<string, string | undefined>>

const NOT_FOUND: Reply = { status: 404, headers: [['content-type', 'text/plain']], body: 'nowhere' }

/** Makes the app of one process: its environment says in which region it runs, and how it is to behave. */
export function createContractApp(env: Env = process.env): ContractApp {
  const pool = new Pool({ max: 4, flyback: { env } })
  const world: World = { pool, region: env['FLY_REGION'] ?? 'none' }
  const routes = [
    ...readRoutes(world),
    ...writeRoutes(world),
    ...bodyRoutes(world),
    ...streamRoutes(world),
  ]
  return {
    options: {
      env,
      routes: [
        { path: '/attempt/*', policy: 'attempt' },
        { path: '/mounted/attempt/*', policy: 'attempt' },
        { path: '/graphql', policy: 'attempt' },
        { path: '/oauth/callback', policy: 'replay' },
        { path: '/forward/*', policy: 'forward' },
      ],
      ...(env['CONTRACT_FAIL'] === '1' && { whenNotReplayable: 'fail' }),
    },
    routes,
    sockets: createSockets(world),
    async handle(ask) {
      const path = ask.url.replace(/[?#].*$/s, '').replace(/^\/mounted(?=\/)/, '')
      const method = ask.method === 'HEAD' ? 'GET' : ask.method
      const route = routes.find((one) => one.method === method && fits(one.path, path))
      return route === undefined ? NOT_FOUND : await route.handle(ask)
    },
    close: () => pool.end(),
  }
}

/** What the app's own error handler, below `/handled`, answers with. */
export function errorReply(error: unknown): Reply {
  return json({ handled: error instanceof Error ? error.message : 'nothing' }, [], 500)
}

function fits(pattern: string, path: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}
