import { Kysely } from 'kysely'
import { withPrimary } from './with-primary.js'

/**
 * Kysely, and `withPrimary()`.
 *
 * @example
 * const db = new FlybackKysely<Database>({ dialect: new FlybackDialect({ pool: new Pool() }) })
 * await db.withPrimary().selectFrom('account').selectAll().execute()
 */
export class FlybackKysely<DB> extends Kysely<DB> {
  /** See {@link withPrimary}, which also takes what `withPlugin` and `withSchema` return. */
  withPrimary(): Kysely<DB> {
    return withPrimary(this)
  }
}
