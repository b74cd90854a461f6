import {
  type Consistency,
  detectDeployment,
  isPrimaryUnavailable,
  isReplayRequired,
  parseToken,
  Scope,
  type ScopeOptions,
} from '@flyback/core'
import { currentToken, runInScope } from '@flyback/core/scope'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import { Pool, type PoolConfig } from '../src/index.js'

/** An app on its lab: a pool where one is asked for, and requests that come with tokens. */
export interface TokenApp {
  open(region: string, config?: PoolConfig): Pool & AsyncDisposable
  /** Runs work as a request in a region that carries a token. */
  request<T>(
    region: string,
    token: string | undefined,
    work: (scope: Scope) => Promise<T>,
    options?: Partial<ScopeOptions>,
  ): Promise<T>
  /** The token of a request in the primary region that runs a statement. */
  write(pool: Pool, sql?: string): Promise<string>
  /** Who answers a read of a request in a region: a member, or the word of a refusal. */
  reader(
    pool: Pool,
    region: string,
    token: string | undefined,
    options?: ReadOptions,
  ): Promise<string>
}

export interface ReadOptions {
  readonly canReplay?: boolean
  readonly consistency?: Consistency
}

export const INSERT = "insert into item (name) values ('x')"
const WHO = 'select pg_is_in_recovery() as standby'

/** A lab of its own with an app on it, whose database has the table `item`. The caller closes the lab. */
export async function startTokenLab(
  regions: readonly string[],
): Promise<{ readonly lab: Lab; readonly database: LabDatabase; readonly app: TokenApp }> {
  const lab = await startLab({ regions, distanceScale: 0 })
  const database = await lab.createDatabase()
  const app = tokenApp(lab, database)
  await using pool = app.open(lab.primaryRegion)
  await pool.query('create table item (id serial primary key, name text)')
  await lab.caughtUp()
  return { lab, database, app }
}

export function tokenApp(lab: Lab, database: LabDatabase): TokenApp {
  const env = (region: string) => lab.env(region, { database: database.name })

  const app: TokenApp = {
    open(region, config = {}) {
      const { flyback, ...rest } = config
      const pool = new Pool({
        max: 2,
        ...rest,
        flyback: { env: env(region), maxWaitMs: 50, ...flyback },
      })
      return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() })
    },

    async request(region, token, work, options = {}) {
      const { role, primaryRegion } = detectDeployment(env(region))
      const canReplay = role === 'replica'
      const given = { token: parseToken(token ?? ''), ...options }
      const scope = new Scope({ role, primaryRegion, canReplay, ...given })
      try {
        return await runInScope(scope, () => work(scope))
      } finally {
        scope.end()
      }
    },

    async write(pool, sql = INSERT) {
      return await app.request(lab.primaryRegion, undefined, async () => {
        await pool.query(sql)
        return currentToken() ?? 'none'
      })
    },

    async reader(pool, region, token, options = {}) {
      try {
        const { rows } = await app.request(region, token, () => pool.query(WHO), options)
        return rows[0].standby ? 'replica' : 'primary'
      } catch (error) {
        if (isReplayRequired(error) || isPrimaryUnavailable(error)) return error.reason
        throw error
      }
    },
  }
  return app
}
