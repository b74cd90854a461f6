import type { Scope, ToldStatement } from '@flyback/core'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import type { Lease } from './lease.js'
import type { Tail } from './tail.js'

export type ExecuteOptions = Tail<Parameters<DatabaseConnection['executeQuery']>>
export type StreamOptions = Tail<Parameters<DatabaseConnection['streamQuery']>>
type Rows<R> = AsyncIterableIterator<QueryResult<R>>

/** On whose behalf a statement runs. */
export interface Caller {
  readonly lease: Lease
  readonly scope: Scope | undefined
  /** What to do when the scope ends in a replay before the connection was given back. */
  readonly abandon: () => Promise<void>
  /** It begins, ends or divides a transaction. */
  readonly isControl: boolean
}

/** Runs a statement on the lease's connection, which it takes first; elsewhere when the tables say so. */
export async function runStatement<R>(
  { lease, scope, abandon, isControl }: Caller,
  query: CompiledQuery,
  rest: ExecuteOptions,
): Promise<QueryResult<R>> {
  for (let ask = lease.choose(scope, query); ; ) {
    const held = await lease.take(ask, abandon)
    let told: ToldStatement | undefined
    try {
      await lease.prepare(held, rest[0])
      told = lease.beforeSending(held, ask, query)
      const result = await held.connection.executeQuery<R>(query, ...rest)
      await lease.answered(held, { scope, told, query: isControl ? undefined : query })
      return result
    } catch (error) {
      ask = await lease.again(held, ask, {
        error,
        final: rest[0]?.signal?.aborted === true,
        told,
        query,
      })
    }
  }
}

/** The same for a stream, which runs elsewhere only before its first rows. */
export async function* runStream<R>(
  { lease, scope, abandon }: Caller,
  query: CompiledQuery,
  rest: StreamOptions,
  watch: (rows: Rows<R>) => Rows<R>,
): Rows<R> {
  let delivered = false
  for (let ask = lease.choose(scope, query); ; ) {
    const held = await lease.take(ask, abandon)
    let told: ToldStatement | undefined
    let isOver = false
    try {
      await lease.prepare(held, rest[1])
      told = lease.beforeSending(held, ask, query)
      for await (const rows of watch(held.connection.streamQuery<R>(query, ...rest))) {
        delivered = true
        if (held.known !== undefined) held.known.delivering = true
        yield rows
      }
      isOver = true
      await lease.streamed(held, { scope, told, query })
      return
    } catch (error) {
      isOver = true
      const final = delivered || rest[1]?.signal?.aborted === true
      ask = await lease.again(held, ask, { error, final, told, query })
    } finally {
      // Its reader broke off: what it has written stays.
      if (!isOver) await lease.answered(held, { scope, told, query })
    }
  }
}
