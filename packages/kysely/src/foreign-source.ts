import {
  acquireConnection,
  Connection,
  createLink,
  type EndpointName,
  type Link,
  type Routing,
} from '@flyback/core'
import { CompiledQuery, type DatabaseConnection, type Driver } from 'kysely'
import type { Held, Source } from './held.js'

const ROLE = 'select pg_is_in_recovery() as in_recovery'

/** What is known of a connection of a foreign dialect. */
class ForeignConnection extends Connection {
  readonly #connection: DatabaseConnection

  constructor(link: Link, connection: DatabaseConnection) {
    super(link)
    this.#connection = connection
  }

  override async ask(statement: string): Promise<readonly unknown[]> {
    const { rows } = await this.#connection.executeQuery(CompiledQuery.raw(statement))
    return Object.values(Object(rows[0]))
  }
}

interface ForeignHeld extends Held {
  readonly known: Connection
}

/** Connections of dialects that know nothing of Flyback: what the tables want to know of them is kept here. */
export function foreignSource(routing: Routing, local: Driver, writer: Driver): Source {
  const links = { replica: createLink(routing, 'replica'), writer: createLink(routing, 'writer') }
  const drivers = { replica: local, writer }
  // A driver gives the same object for the same connection (Kysely's own does), or is asked its role more often.
  const knownOf = new WeakMap<DatabaseConnection, Connection>()

  async function connect(
    endpoint: EndpointName,
    acquireArgs: Parameters<Driver['acquireConnection']>,
  ): Promise<ForeignHeld> {
    const driver = drivers[endpoint]
    const connection = await driver.acquireConnection(...acquireArgs)
    let known = knownOf.get(connection)
    if (known === undefined || known.isReclaimed || known.isUseless) {
      known = new ForeignConnection(links[endpoint], connection)
      knownOf.set(connection, known)
    }
    try {
      await learnRole(known, connection)
    } catch (error) {
      await driver.releaseConnection(connection).catch(() => {})
      throw error
    }
    return { driver, connection, endpoint, known }
  }

  return {
    routing,
    take: (ask, acquireArgs) =>
      acquireConnection<ForeignHeld>(
        routing,
        {
          connect: (endpoint) => connect(endpoint, acquireArgs),
          connectionOf: ({ known }) => known,
          // A dialect has no way to end one connection.
          release: ({ driver, connection }) =>
            void driver.releaseConnection(connection).catch(() => {}),
          // Nor does its error say whether a connection was opened: only codes that mean it count.
          neverConnected: () => false,
        },
        ask,
      ),
  }
}

/**
 * The server announces its role with every answer, but no dialect passes that on. So it is asked: once for a connection,
 * before it first serves, and again only while it is not what its endpoint promises.
 */
async function learnRole(
  { facts, link }: Connection,
  connection: DatabaseConnection,
): Promise<void> {
  if (facts.inHotStandby === (link.endpoint === 'replica')) return
  const { rows } = await connection.executeQuery<{ in_recovery: unknown }>(CompiledQuery.raw(ROLE))
  const answer = rows[0]?.in_recovery
  if (typeof answer === 'boolean') facts.inHotStandby = answer
}
