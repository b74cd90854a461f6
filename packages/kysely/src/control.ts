import { runOutsideScope } from '@flyback/core/scope'
import type { DatabaseConnection } from 'kysely'
import type { Held } from './held.js'

type ControlConnectionProvider = Parameters<NonNullable<DatabaseConnection['cancelQuery']>>[0]

/**
 * Cancels what runs on a connection, or ends its session, on the server where it is. Outside any scope: a refused one
 * sends nothing more, and the query it leaves behind is to end all the same.
 */
export async function control(
  method: 'cancelQuery' | 'killSession',
  held: Held | undefined,
): Promise<void> {
  if (held === undefined) return
  const { driver, connection } = held
  // Instead of one that Kysely would take: process ids mean nothing on the other server.
  const onSameServer: ControlConnectionProvider = async (consumer) => {
    const other = await driver.acquireConnection()
    try {
      await consumer(other)
    } finally {
      await driver.releaseConnection(other)
    }
  }
  await runOutsideScope(async () => await connection[method]?.(onSameServer))
}
