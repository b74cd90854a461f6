import type { DatabaseIntrospector, Dialect, DialectAdapter, Driver, QueryCompiler } from 'kysely'
import type { FlybackDialectConfig } from './config.js'
import { FlybackDriver } from './flyback-driver.js'
import { planSides, type Sides } from './sides.js'

interface Owner {
  readonly dialect: Dialect
  readonly driver: Driver | undefined
}

const owners = new WeakMap<DialectAdapter, Owner>()

/** The dialect behind a Kysely, found by what all its copies share, with or without plugins. */
export function ownerOf(adapter: DialectAdapter): Owner | undefined {
  return owners.get(adapter)
}

/**
 * A Postgres dialect that reads from the replica beside the app and turns refused writes into ReplayRequired. What Kysely
 * builds is known to write before it is sent: in a replica region it throws at once, with no round trip.
 *
 * With no regions known, the dialect inside does everything alone.
 *
 * @throws ConfigurationError when it is given neither a handle of Flyback's nor two dialects
 *
 * @example
 * new FlybackDialect({ pool: new Pool() }) // the Pool of @flyback/pg
 * new FlybackDialect({ over: sql, dialect: (postgres) => new PostgresJSDialect({ postgres }) })
 * new FlybackDialect({ writer: new PostgresDialect(...), replica: new PostgresDialect(...) })
 */
export class FlybackDialect<Handle extends object = object> implements Dialect {
  readonly #config: FlybackDialectConfig<Handle>
  #sides: Sides
  #driver: Driver | undefined

  constructor(config: FlybackDialectConfig<Handle>) {
    this.#config = config
    this.#sides = planSides(config)
  }

  createDriver(): Driver {
    // A pool made by a function belongs to one Kysely, which ends it.
    if (this.#driver !== undefined && makesPool(this.#config)) this.#sides = planSides(this.#config)
    const { single, local } = this.#sides
    this.#driver = single ? local.createDriver() : new FlybackDriver(this.#sides)
    return this.#driver
  }

  createQueryCompiler(): QueryCompiler {
    return this.#sides.local.createQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    const adapter = this.#sides.local.createAdapter()
    // Kysely makes the driver first.
    owners.set(adapter, { dialect: this, driver: this.#driver })
    return adapter
  }

  // Kysely's interface says `any`: an introspector looks at tables of any type.
  createIntrospector(db: Parameters<Dialect['createIntrospector']>[0]): DatabaseIntrospector {
    return this.#sides.local.createIntrospector(db)
  }
}

function makesPool(config: object): boolean {
  return 'pool' in config && typeof config.pool === 'function'
}
