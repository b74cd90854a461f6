import {
  ConfigurationError,
  detectDeployment,
  type FlybackOptions,
  hasRouting,
  type Routing,
  routingOf,
} from '@flyback/core'
import type { DrizzleConfig } from 'drizzle-orm'
import { cacheInScope } from './cache-in-scope.js'
import { readCall } from './read-call.js'

/** Drizzle's own options, and Flyback's under `flyback`. */
export type DatabaseConfig<TSchema extends Record<string, unknown> = Record<string, never>> =
  DrizzleConfig<TSchema> & {
    /** For the connections made here; a client that is passed in has got its own. */
    flyback?: FlybackOptions | undefined
  }

/** A client as its database on the primary has it: `pool.primary`, `sql.primary`. */
export type PrimaryClient<TClient> = TClient extends { readonly primary: infer P } ? P : TClient

/** Adds `$primary` to the database that Drizzle makes. */
export interface OnPrimary<Db> {
  /**
   * The same database (schema, casing, logger, cache) on the primary. Using it in a replica region makes the scope
   * `forwarding`. In the primary region, and with no regions known, it is the database itself.
   */
  readonly $primary: Db
}

/** What the two drivers do differently. */
export interface Driver<Client extends object> {
  /** Makes a client of ours. */
  open(connection: unknown, flyback: FlybackOptions | undefined): Client
  /** Drizzle's own `drizzle(client, config)`. */
  build(this: void, client: Client, config: object): object
  /** Drizzle's own `drizzle({ client, ...config })`, which takes anything for a client. */
  buildNamed(this: void, client: Client, config: object): object
  /** The client as Drizzle's sessions must see it. */
  forSession(client: Client): Client
}

/**
 * Makes a database as Drizzle does, over a client that is routed.
 *
 * @throws ConfigurationError naming the option or variable at fault
 */
export function createDatabase<Client extends object>(
  driver: Driver<Client>,
  params: readonly unknown[],
): object {
  const { client: given, named, connection, config, flyback } = readCall(params)
  if (given !== undefined) checkClient(given, flyback)
  // Whatever a user passes for a client, Drizzle decides what it can do with it.
  const client = (given as Client | undefined) ?? driver.open(connection, flyback)
  const routing = routingOf(client)
  const make = named ? driver.buildNamed : driver.build
  const db = build(driver, make, client, config)
  let primary: object | undefined
  const makePrimary = (): object => {
    const target = primaryOf(client, routing)
    return target === client ? db : build(driver, make, target, config)
  }
  // Not enumerable: withReplicas() spreads a database, and that must not open a pool.
  return Object.defineProperty(db, '$primary', {
    get: () => (primary ??= makePrimary()),
    configurable: true,
  })
}

function build<Client extends object>(
  driver: Driver<Client>,
  make: Driver<Client>['build'],
  client: Client,
  config: Readonly<Record<string, unknown>>,
): object {
  const routing = routingOf(client)
  if (routing === undefined) return make(client, config)
  const { cache } = config
  const hasCache = typeof cache === 'object' && cache !== null
  const seen = hasCache ? { ...config, cache: cacheInScope(cache, routing) } : config
  const db = make(driver.forSession(client), seen)
  return Object.assign(db, { $client: client }, hasCache ? { $cache: cache } : {})
}

/** A client of one endpoint only would be neither refused nor known to a scope: reads of the past, or a replay after a write. */
function checkClient(client: object, flyback: FlybackOptions | undefined): void {
  if (flyback !== undefined) {
    throw new ConfigurationError(
      'flyback',
      'has no effect on a client that is passed in: give it to the constructor of the client',
    )
  }
  if (hasRouting(client)) return
  if (detectDeployment(process.env).role !== 'replica') return
  throw new ConfigurationError(
    'client',
    "reaches one endpoint only, and this is a replica region: pass one of Flyback's, or a connection; Drizzle's own drizzle() takes it as it is",
  )
}

/** A driver's options, with ours under `flyback`. A pool's own options hide their password, and a spread would lose it. */
export function withFlyback<T extends object>(
  options: T | undefined,
  flyback: FlybackOptions | undefined,
): T | undefined {
  if (flyback === undefined) return options
  const copy = Object.create(null, Object.getOwnPropertyDescriptors(options ?? {})) as T
  return Object.assign(copy, { flyback })
}

function primaryOf<Client extends object>(client: Client, routing: Routing | undefined): Client {
  // Of ours, `pool.primary` and `sql.primary` are of their kind; others may mean anything by the name.
  const primary = hasRouting(client)
    ? (Reflect.get(client, 'primary') as Client | undefined)
    : undefined
  if (primary !== undefined) return primary
  if ((routing?.router.role ?? detectDeployment(process.env).role) !== 'replica') return client
  throw new ConfigurationError(
    'client',
    'is one connection, which has no other on the primary: make the database over a pool',
  )
}
