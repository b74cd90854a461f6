import { findReplayRequired, type ReplayRequired, type Scope } from '@flyback/core'
import { expect } from 'vitest'
import { failure, inRequest, openScope } from '../requests.js'
import type {
  AdapterUnderTest,
  Connected,
  ConnectOptions,
  Queryable,
  Row,
} from './adapter-under-test.js'

/** A database with a primary in `ewr` and a replica in `iad`, past everything under test. */
export interface ContractDatabase {
  env(region: string): Record<string, string>
  url(region: string, endpoint: 'writer' | 'replica'): string
  /** One statement on a member, on a connection of the test's own (`application_name` flyback-testkit). */
  query<R extends Row>(region: string, sql: string, params?: readonly unknown[]): Promise<R[]>
  caughtUp(): Promise<void>
}

export const PRIMARY = 'ewr'
export const REPLICA = 'iad'
const WHO = 'select host(inet_server_addr()) as host, pg_is_in_recovery() as standby'
const PID = 'select pg_backend_pid() as pid'
const SESSIONS = `select pid from pg_stat_activity
  where datname = current_database() and application_name <> 'flyback-testkit' and backend_type = 'client backend'`
const SETTLE_MS = 8000

/** A library opened in a region, closed with the case; then no session of it may be left. */
export type Opened = Connected & AsyncDisposable

/** What a case works with: the library in the regions of a lab, requests, and a look into the database. */
export interface Bench {
  readonly adapter: AdapterUnderTest
  readonly database: ContractDatabase
  open(region: string, options?: Partial<ConnectOptions>): Promise<Opened>
  /** A scope as the middleware opens it for a request that may be replayed. */
  scope(region?: string, canReplay?: boolean): Scope
  /** Runs work as one request and ends its scope. */
  request<T>(scope: Scope, work: () => Promise<T>): Promise<T>
  /** Runs work as a request of its own. */
  asRequest<T>(work: () => Promise<T>, region?: string): Promise<T>
  /** The ReplayRequired that the user's code finds in what `work` rejects with. */
  refusal(work: () => Promise<unknown>): Promise<ReplayRequired>
  /** A name for an item that no other case uses. */
  name(): string
  /** How many items of a name there are, on the primary. */
  count(name: string): Promise<number>
  standby(on: Queryable): Promise<boolean>
  pid(on: Queryable): Promise<number>
  /** Ends the library's sessions on a member; resolves when they are gone. */
  killSessions(region: string): Promise<void>
  /** Resolves when a statement containing `text` runs on a member. */
  running(region: string, text: string): Promise<void>
}

export interface BenchOptions {
  readonly adapter: AdapterUnderTest
  readonly database: ContractDatabase
}

export function createBench({ adapter, database }: BenchOptions): Bench {
  let serial = 0
  let openCount = 0

  async function sessions(region: string): Promise<number[]> {
    const rows = await database.query<{ pid: number }>(region, SESSIONS)
    return rows.map(({ pid }) => pid)
  }

  const bench: Bench = {
    adapter,
    database,

    async open(region, options = {}) {
      const { env = database.env(region), max = 2, flyback } = options
      const connected = await adapter.connect({ env, max, ...(flyback && { flyback }) })
      openCount++
      return Object.assign(connected, {
        async [Symbol.asyncDispose]() {
          await connected.end()
          if (--openCount > 0) return
          for (const member of [PRIMARY, REPLICA]) {
            await expect
              .poll(() => sessions(member).catch(() => []), { timeout: SETTLE_MS })
              .toEqual([])
          }
        },
      })
    },

    scope: (region = REPLICA, canReplay) => openScope(database, region, canReplay),

    request: inRequest,

    asRequest: (work, region) => bench.request(bench.scope(region), work),

    async refusal(work) {
      const error = await failure(work())
      const found = findReplayRequired(error)
      if (found === undefined) throw new Error('no ReplayRequired in the error', { cause: error })
      return found
    },

    name: () => `case-${++serial}`,

    async count(name) {
      const sql = 'select count(*)::int as n from item where name = $1'
      const [row] = await database.query<{ n: number }>(PRIMARY, sql, [name])
      return row?.n ?? Number.NaN
    },

    async standby(on) {
      const [row] = await on.query(WHO)
      return row?.['standby'] === true
    },

    async pid(on) {
      const [row] = await on.query(PID)
      return Number(row?.['pid'])
    },

    async killSessions(region) {
      const killed = await sessions(region)
      await database.query(region, 'select pg_terminate_backend(pid) from unnest($1::int[]) pid', [
        killed,
      ])
      await expect
        .poll(async () => (await sessions(region)).filter((pid) => killed.includes(pid)), {
          timeout: SETTLE_MS,
        })
        .toEqual([])
    },

    async running(region, text) {
      const sql = `select count(*)::int as n from pg_stat_activity where datname = current_database()
        and state = 'active' and application_name <> 'flyback-testkit' and strpos(query, $1) > 0`
      await expect
        .poll(async () => (await database.query<{ n: number }>(region, sql, [text]))[0]?.n, {
          timeout: SETTLE_MS,
          interval: 10,
        })
        .toBeGreaterThan(0)
    },
  }
  return bench
}

/** An optional method of a library that {@link AdapterUnderTest.cannot} does not rule out. */
export function able<T>(method: T | undefined, what: string): T {
  if (method === undefined)
    throw new Error(`the adapter under test neither has nor rules out ${what}`)
  return method
}
