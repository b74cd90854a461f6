import {
  type Consistency,
  isCommitUnknown,
  isPrimaryUnavailable,
  isReplayRequired,
} from '@flyback/core'
import { currentToken, withConsistency, withToken } from '@flyback/core/scope'
import { Pool } from '@flyback/pg'
import type { Delivery, Level, Operation } from '../history/history.ts'
import { runOperation } from './operations.ts'

/** What a request asks the app to do. */
export interface Work {
  readonly run: number
  readonly operations: readonly Asked[]
  /** A token to read with. */
  readonly token?: string | undefined
  readonly delivery: Delivery
}

export interface Asked {
  readonly kind: Operation['kind']
  /** @default that of the request */
  readonly level?: Level
  readonly tag?: string | undefined
}

export interface AppOptions {
  readonly env: Readonly<Record<string, string>>
  readonly withinMs: number
  readonly maxWaitMs: number
  readonly maxFallbacks: number
  /** Ends the backend of a connection that waits in its COMMIT, which is done by then. */
  readonly killCommitting: (backend: number) => Promise<void>
}

/** The app of one region. */
export interface App extends AsyncDisposable {
  /** Does what a request asks for, in its scope. */
  handle(work: Work, level: Level): Promise<Response>
}

export function createApp({
  env,
  withinMs,
  maxWaitMs,
  maxFallbacks,
  killCommitting,
}: AppOptions): App {
  const pool = new Pool({
    max: 4,
    connectionTimeoutMillis: 4000,
    flyback: { env, maxWaitMs, maxFallbacks },
  })
  pool.on('error', () => {})

  async function handle(work: Work, level: Level): Promise<Response> {
    const { run, delivery } = work
    try {
      await withToken(work.token, async () => {
        for (const asked of work.operations) {
          const own = asked.level ?? level
          const operation: Operation = {
            kind: asked.kind,
            level: own,
            beginMs: performance.now(),
            ...(asked.tag !== undefined && { tag: asked.tag }),
          }
          delivery.operations.push(operation)
          const todo = (): Promise<void> => runOperation({ pool, run, operation, killCommitting })
          await note(
            operation,
            asked.level === undefined ? todo : () => withConsistency(levelOf(own, withinMs), todo),
          )
        }
      })
      return Response.json({ token: currentToken() })
    } catch (error) {
      if (isReplayRequired(error)) throw error
      return Response.json(
        { token: currentToken() },
        { status: isPrimaryUnavailable(error) ? 503 : 500 },
      )
    }
  }

  return { handle, [Symbol.asyncDispose]: () => pool.end() }
}

/** A level in the product's words. */
export function levelOf(level: Level, withinMs: number): Consistency {
  if (level === 'monotonic') return { monotonic: true }
  return level === 'within' ? { withinMs } : level
}

async function note(operation: Operation, todo: () => Promise<void>): Promise<void> {
  try {
    await todo()
    operation.outcome = 'done'
  } catch (error) {
    operation.outcome = isCommitUnknown(error) ? 'unknown' : 'failed'
    operation.error = error instanceof Error ? error.name : 'Error'
    throw error
  } finally {
    operation.endMs = performance.now()
  }
}
