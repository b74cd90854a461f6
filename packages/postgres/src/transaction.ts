import { asText } from './as-text.js'
import type { Checkout } from './checkout.js'
import { type DriverSql, replaceHandler } from './driver-internals.js'
import type { SqlFunction } from './sql-function.js'
import { type Adopt, createSqlFunction } from './sql-function.js'

/** The sql function of a transaction. */
export type TransactionSql = SqlFunction & {
  savepoint(...args: unknown[]): Promise<unknown>
  prepare(name: string): string
}
type Callback = (sql: TransactionSql) => unknown

export interface TransactionParts {
  readonly template: DriverSql
  readonly notify: (channel: string, payload: unknown) => Promise<unknown>
  /** The driver's class of server errors. */
  readonly PostgresError: new (
    ...args: never[]
  ) => Error
}

/**
 * `sql.begin` on a lane of its own: what the driver does, statement for statement.
 *
 * @see https://github.com/porsager/postgres/blob/v3.4.9/src/index.js (begin; read 2026-11-25)
 */
export async function runTransaction(
  checkout: Checkout,
  { template, notify, PostgresError }: TransactionParts,
  options: string,
  work: Callback,
): Promise<unknown> {
  const { lane } = checkout
  let savepoints = 0
  let prepare: string | null = null
  let commits = false

  const adopt: Adopt = (query, read) => checkout.adopt(query, read)
  await adopt(template.unsafe(`begin ${options.replace(/[^a-z ]/gi, '')}`, []))
  const running = level(work, undefined)
  // What is lost during COMMIT, the COMMIT itself tells: nobody knows whether it took effect.
  const lost = checkout.lost.catch((error: unknown) => {
    if (commits) return running
    throw error
  })
  return await Promise.race([running, lost])

  async function level(fn: Callback, name: string | undefined): Promise<unknown> {
    let uncaught: unknown
    const remember: Adopt = (query, read) => {
      void adopt(query, read)
      const { handler } = query
      replaceHandler(query, (given) => {
        // Executed only: a fragment never settles, and must not be run by being listened to.
        query.catch((error: unknown) => {
          uncaught ||= error
        })
        return handler(given)
      })
      return query
    }
    const sql: TransactionSql = Object.assign(createSqlFunction(template, remember, notify), {
      savepoint,
      // As the driver: the missing replacement is its own.
      prepare: (given: string) => (prepare = given.replace(/[^a-z0-9$-_. ]/gi, 'undefined')),
    })
    const run = (strings: readonly string[], ...values: unknown[]): unknown =>
      sql(Object.assign([...strings], { raw: strings }), ...values)

    let result: unknown
    if (name !== undefined) await run(['savepoint ', ''], sql(name))
    try {
      result = await new Promise((resolve, reject) => {
        const given = fn(sql)
        Promise.resolve(Array.isArray(given) ? Promise.all(given) : given).then(resolve, reject)
      })
      if (uncaught) throw uncaught
    } catch (error) {
      // A query that could not be written blocked the connection for what follows: the server ends the transaction with it.
      if (lane.retiring && lane.failure !== undefined) throw error
      if (name === undefined) {
        await run(['rollback'])
        lane.endTransaction()
      } else {
        await run(['rollback to ', ''], sql(name))
      }
      const aborted = error instanceof PostgresError && Reflect.get(error, 'code') === '25P02'
      throw (aborted && uncaught) || error
    }
    if (name === undefined) {
      commits = true
      await (prepare === null
        ? run(['commit'])
        : run(["prepare transaction '", "'"], sql.unsafe(prepare)))
      lane.endTransaction()
    }
    return result

    function savepoint(...args: unknown[]): Promise<unknown> {
      const [first, second] = args
      if (first && Array.isArray(Reflect.get(Object(first), 'raw'))) {
        return savepoint((inner: TransactionSql) => Reflect.apply(inner, inner, args))
      }
      const [label, inner] = args.length === 1 ? [null, first] : [first, second]
      const suffix = label ? `_${asText(label)}` : ''
      // What is no function throws where it is called, as in the driver.
      return level(inner as Callback, `s${savepoints++}${suffix}`)
    }
  }
}
