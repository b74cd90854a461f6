import { detectDeployment, Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import type { TestDatabase } from '@flyback/testkit'
import type { Options, Postgres, Sql } from '../src/index.js'

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

export interface OpenSql extends AsyncDisposable {
  readonly sql: Sql
}

/** Opens a database as an app in a region would; it ends with the test. */
export type Open = (database: TestDatabase, region: string, options?: Options) => OpenSql

/** Opens with ours, over some version of the driver. */
export function opener(postgres: Postgres): Open {
  return (database, region, options = {}) => {
    const { flyback, ...rest } = options
    const fields = { onnotice: () => {}, ...rest }
    const sql = postgres({ ...fields, flyback: { env: database.env(region), ...flyback } })
    return { sql, [Symbol.asyncDispose]: () => sql.end() }
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
export async function failure(work: PromiseLike<unknown>): Promise<Error> {
  const result = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in result && result.error instanceof Error) return result.error
  throw new Error(`expected a rejection with an Error, got ${JSON.stringify(result)}`)
}
