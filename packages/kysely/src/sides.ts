import {
  ConfigurationError,
  checkOptions,
  clusterKey,
  createRouting,
  detectDeployment,
  hasRouting,
  locateDatabase,
  type Routing,
  routingOf,
  tellNotices,
} from '@flyback/core'
import { type Dialect, PostgresDialect, type PostgresPool } from 'kysely'
import { checkConfig, isDialect } from './check-config.js'
import type { FlybackDialectConfig, FlybackPool, MakePoolArgs, PairConfig } from './config.js'
import { localSide, writerSide } from './handle-sides.js'

/** Two dialects over one database, and who decides between them. */
export interface Sides {
  /** The member beside us; also what makes SQL and looks at the schema. */
  readonly local: Dialect
  /** Not asked for in the role `single`. */
  writer(): Dialect
  /** In the role `single`, {@link local} alone does everything. */
  readonly single: boolean
  /** Whether the dialects know nothing of Flyback, so that their connections are judged here. */
  readonly foreign: boolean
  /** Who decides; `undefined` in the role `single`. Known at once, unless the pool is made when it is first needed. */
  routing(...args: MakePoolArgs): Promise<Routing | undefined>
}

/** @throws ConfigurationError when what is given is no handle of Flyback's */
export function planSides<Handle extends object>(config: FlybackDialectConfig<Handle>): Sides {
  checkConfig(config)
  if ('writer' in config) return pairSides(config)
  if ('over' in config) {
    const { over, dialect } = config
    const routing = routingAt('over', over)
    return {
      local: dialect(localSide(over)),
      writer: () => dialect(writerSide(over)),
      single: routing === undefined,
      foreign: false,
      routing: async () => routing,
    }
  }
  const { pool, ...rest } = config
  const given = typeof pool === 'function' ? once(pool) : async () => pool
  const make = async (...args: MakePoolArgs): Promise<FlybackPool> => {
    const made = await given(...args)
    routingAt('pool', made)
    return made
  }
  const dialect = (side: (made: FlybackPool) => PostgresPool): Dialect =>
    new PostgresDialect({
      ...rest,
      pool: async (...args) => side(await make(...args)),
    })
  return {
    local: dialect((made) => localSide<PostgresPool>(made)),
    writer: () => dialect((made) => writerSide<PostgresPool>(made)),
    single: typeof pool !== 'function' && routingAt('pool', pool) === undefined,
    foreign: false,
    routing: async (...args) => routingAt('pool', await make(...args)),
  }
}

function pairSides({ writer, replica, flyback = {}, cluster }: PairConfig): Sides {
  checkOptions(flyback)
  const env = flyback.env ?? globalThis.process.env
  const deployment = detectDeployment(env)
  tellNotices(deployment.notices)
  if (deployment.role === 'single') {
    return {
      local: writer,
      writer: () => writer,
      single: true,
      foreign: true,
      routing: async () => undefined,
    }
  }
  if (!isDialect(replica)) {
    throw new ConfigurationError('FlybackDialect: replica', 'must be a dialect of Kysely')
  }
  const source = locateDatabase({}, env)
  const where = source.type === 'url' ? source.url : `postgres://${source.host}:${source.port}`
  const routing = createRouting(deployment, flyback, {
    cluster: cluster ?? clusterKey(where),
    hasReplica: true,
  })
  return {
    local: replica,
    writer: () => writer,
    single: false,
    foreign: true,
    routing: async () => routing,
  }
}

function routingAt(option: string, handle: object): Routing | undefined {
  if (hasRouting(handle)) return routingOf(handle)
  throw new ConfigurationError(
    `FlybackDialect: ${option}`,
    'must come from @flyback/pg or @flyback/postgres; for other dialects give `writer` and `replica`',
  )
}

/** Calls a function once; after a failure, again. Kysely takes one that returns no promise, too. */
function once<A extends unknown[], T>(
  make: (...args: A) => T | Promise<T>,
): (...args: A) => Promise<T> {
  let making: Promise<T> | undefined
  return async (...args) => {
    making ??= (async () => await make(...args))()
    try {
      return await making
    } catch (error) {
      making = undefined
      throw error
    }
  }
}
