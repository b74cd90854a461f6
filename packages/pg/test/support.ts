import { detectDeployment, Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import type { TestDatabase } from '@flyback/testkit'
import { Pool, type PoolConfig } from '../src/index.js'

export const SCHEMA = `
  create table item (id serial primary key, name text unique not null, qty int not null default 0);
  insert into item (name, qty) select 'n' || g, g from generate_series(1, 10) g;
  create unlogged table scratch (id int);
  create function write_item() returns int language plpgsql as
    $$ begin insert into item (name) values ('f' || random()); return 1; end $$;
  create function swallow_item() returns text language plpgsql as
    $$ begin insert into item (name) values ('s' || random()); return 'written';
       exception when others then return 'swallowed ' || sqlstate; end $$;
`

/** A pool as an app in this region would open it, and the number of connections it ever opened. */
export interface OpenPool extends AsyncDisposable {
  readonly pool: Pool
  opened(): number
}

/** Opens a Flyback pool in a region; it must have got all its clients back when the test ends. */
export function openPool(
  database: TestDatabase,
  region: string,
  config: PoolConfig = {},
): OpenPool {
  const { flyback, ...rest } = config
  const pool = new Pool({ ...rest, flyback: { env: database.env(region), ...flyback } })
  let opened = 0
  pool.on('connect', () => {
    opened++
  })
  return {
    pool,
    opened: () => opened,
    async [Symbol.asyncDispose]() {
      await settled(pool)
      const leaked = pool.totalCount - pool.idleCount
      await pool.end()
      if (leaked > 0) throw new Error(`${leaked} clients were never released`)
    },
  }
}

/** Waits for releases under way: a refused transaction is rolled back before its client is idle again. */
export async function settled(pool: Pool): Promise<void> {
  for (let turn = 0; turn < 100 && pool.totalCount > pool.idleCount; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Opens a scope as the middleware would for a request that may be replayed. */
export function openScope(database: TestDatabase, region: string, canReplay = true): Scope {
  const { role, primaryRegion } = detectDeployment(database.env(region))
  return new Scope({ role, primaryRegion, canReplay: canReplay && role === 'replica' })
}

/** Runs work as one request, and ends its scope. */
export async function inRequest<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  try {
    return await runInScope(scope, work)
  } finally {
    scope.end()
  }
}

/** What a promise rejects with; fails when it resolves. */
export async function failure(work: Promise<unknown>): Promise<Error> {
  const result = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in result && result.error instanceof Error) return result.error
  throw new Error(`expected a rejection with an Error, got ${JSON.stringify(result)}`)
}
