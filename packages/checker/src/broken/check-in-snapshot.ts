import { Connection } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import pg from 'pg'
import { replace } from './replace.ts'

const TRIES = 200

/**
 * The transaction begins, takes its snapshot with the first question, and goes on asking until the replica is far enough: what it
 * reads then is still of the snapshot.
 */
export function checkInSnapshot(): Disposable {
  const stack = new DisposableStack()
  stack.use(
    replace(
      Connection.prototype,
      'freshness',
      (original) =>
        function later(this: Connection, ...args) {
          const isReplica = this.link.endpoint === 'replica'
          return isReplica ? 'free' : original.apply(this, args)
        },
    ),
  )
  const prototype: { query(this: pg.Client, ...args: never[]): unknown } = pg.Client.prototype
  stack.use(
    replace(prototype, 'query', (original) => {
      return function checking(this: pg.Client, ...args: never[]) {
        const [config, , callback]: unknown[] = args
        const text: unknown = Reflect.get(Object(config), 'text') ?? config
        const lsn = currentScope()?.tokens.required.find((entry) => entry.type === 'position')?.lsn
        const isBegin = typeof text === 'string' && text.startsWith('begin isolation')
        if (!isBegin || lsn === undefined || typeof callback !== 'function') {
          return original.apply(this, args)
        }
        const position = `select pg_is_in_recovery() is false or pg_last_wal_replay_lsn() >= '0/0'::pg_lsn + ${lsn} as there`
        const ask = (tries: number, result: unknown): void => {
          original.call(
            this,
            ...([
              position,
              (error: unknown, answer: pg.QueryResult) => {
                if (
                  error !== null ||
                  tries === 0 ||
                  Reflect.get(Object(answer.rows[0]), 'there') === true
                ) {
                  Reflect.apply(callback, undefined, [null, result])
                } else ask(tries - 1, result)
              },
            ] as never[]),
          ) // pg overloads `query` beyond what one signature can say
        }
        const begun = (error: unknown, result: unknown): void => {
          if (error) Reflect.apply(callback, undefined, [error])
          else ask(TRIES, result)
        }
        return original.call(this, ...([config, undefined, begun] as never[])) // as above
      }
    }),
  )
  return stack
}
