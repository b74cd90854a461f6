import { ConfigurationError, checkOptions, routingOf } from '@flyback/core'
import { createPoolClass, type Pool, type PoolConfig } from '@flyback/pg'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { registerFactory } from './call-context.js'
import { checkTaken, isPool } from './check-pool.js'
import { plainConfig } from './plain-config.js'
import { type DriverAdapter, routeAdapter } from './route-adapter.js'

/** PrismaPg's own options. */
export type PrismaFlybackOptions = NonNullable<ConstructorParameters<typeof PrismaPg>[1]>

/**
 * A driver adapter for `new PrismaClient({ adapter })` that reads from the replica beside it. Takes what PrismaPg takes,
 * with Flyback's options under `flyback` among the pool's; reads `DATABASE_URL` when it is told nothing. `$disconnect`
 * ends what was opened here, not a pool that was passed in.
 *
 * @example
 * const prisma = new PrismaClient({ adapter: new PrismaFlyback() }).$extends(flybackExtension())
 */
export class PrismaFlyback {
  readonly provider: PrismaPg['provider']
  readonly adapterName: PrismaPg['adapterName']
  readonly #given: pg.Pool | PoolConfig
  readonly #options: PrismaFlybackOptions | undefined
  readonly #plain: PrismaPg

  /** @throws {@link ConfigurationError} naming the option at fault */
  constructor(poolOrConfig: pg.Pool | PoolConfig | string = {}, options?: PrismaFlybackOptions) {
    const given =
      typeof poolOrConfig === 'string' ? { connectionString: poolOrConfig } : poolOrConfig
    if (typeof given !== 'object' || given === null) {
      throw new ConfigurationError(
        'poolOrConfig',
        'must be options of a pool, a connection string or a Pool',
      )
    }
    if (!isPool(given)) {
      const { flyback = {} } = given
      checkOptions(flyback)
    }
    registerFactory(this)
    this.#given = given
    this.#options = options
    this.#plain = new PrismaPg(isPool(given) ? given : plainConfig(given), options)
    this.provider = this.#plain.provider
    this.adapterName = this.#plain.adapterName
  }

  /**
   * Opens the adapter, over a pool of its own unless one was passed in. Prisma calls it, and again after a `$disconnect`.
   *
   * @throws {@link ConfigurationError} naming the option or variable at fault
   */
  async connect(): Promise<DriverAdapter> {
    const given = this.#given
    const pool = isPool(given) ? given : await this.#open(given)
    const options = isPool(given) ? this.#options : { ...this.#options, disposeExternalPool: true }
    const local = await new PrismaPg(pool, options).connect()
    checkTaken(pool, local.underlyingDriver())
    const routing = routingOf(pool)
    if (routing === undefined) return local
    const { onPoolError: _heardOnce, disposeExternalPool: _endsWithIt, ...rest } = options ?? {}
    // Only a pool of ours has routing.
    const connectPrimary = () => new PrismaPg((pool as Pool).primary, rest).connect()
    return routeAdapter(local, connectPrimary, routing, this)
  }

  /** For tools that migrate: as PrismaPg, where the options or `DATABASE_URL` lead. */
  connectToShadowDb(): Promise<DriverAdapter> {
    return this.#plain.connectToShadowDb()
  }

  /** Over the copy of pg that adapter-pg brings: a pool of another copy it takes for a config, silently. */
  async #open(config: PoolConfig): Promise<Pool> {
    const unused = (await new PrismaPg({}).connect()).underlyingDriver()
    // A pool that never connected holds nothing. pg-pool keeps the class of its clients, which @types/pg leaves out.
    const classes = unused as object as { constructor: typeof pg.Pool; Client: typeof pg.Client }
    return new (createPoolClass({ Pool: classes.constructor, Client: classes.Client }))(config)
  }
}
