import { ConfigurationError } from '@flyback/core'
import { type DatabaseConnection, Kysely, type QueryExecutor } from 'kysely'
import { ownerOf } from './flyback-dialect.js'
import { FlybackDriver } from './flyback-driver.js'
import type { FlybackKysely } from './flyback-kysely.js'
import { LazyConnection } from './lazy-connection.js'
import { withMembers } from './with-members.js'

type ProvideConnection = QueryExecutor['provideConnection']

/**
 * The same Kysely, plugins and all, with everything it runs on the primary. In a replica region that makes the scope
 * `forwarding`. In the primary region, and with no regions known, nothing changes. Destroying one destroys both.
 *
 * @throws ConfigurationError for a Kysely of another dialect, and for a transaction, whose connection is chosen already.
 * A query throws ReplayRequired in a request that could be replayed and has already read the replica.
 *
 * @example
 * await withPrimary(db).selectFrom('account').selectAll().execute()
 */
export function withPrimary<DB>(db: FlybackKysely<DB>): Kysely<DB>
export function withPrimary<DB>(db: Kysely<DB>): Kysely<DB>
export function withPrimary<DB>(db: Kysely<DB>): Kysely<DB> {
  const executor = db.getExecutor()
  const { dialect, driver } = ownerOf(executor.adapter) ?? {}
  if (dialect === undefined) {
    throw new ConfigurationError('withPrimary', 'needs a Kysely whose dialect is a FlybackDialect')
  }
  if (db.isTransaction) {
    throw new ConfigurationError(
      'withPrimary',
      'comes before the transaction: withPrimary(db).transaction()',
    )
  }
  if (!(driver instanceof FlybackDriver)) return db
  const provideConnection: ProvideConnection = async (consumer, ...rest) =>
    await executor.provideConnection(
      async (connection: DatabaseConnection) => {
        if (connection instanceof LazyConnection) connection.preferPrimary()
        return await consumer(connection)
      },
      ...rest,
    )
  return new Kysely<DB>({
    config: { dialect },
    dialect,
    driver: withMembers(driver, { destroy: () => db.destroy() }),
    executor: executor.withConnectionProvider({ provideConnection }),
  })
}
