import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from '@flyback/testkit'
import type { Options, Postgres, Sql } from '../src/index.js'

export { RECORDED_SCHEMA as SCHEMA } from '@flyback/testkit'

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

export { failure, inRequest, openScope } from '@flyback/testkit'

/** A file with SQL in it, for `sql.file`; it goes with the scope. */
export async function sqlFile(
  content: string,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'flyback-sql-'))
  const path = join(folder, 'statement.sql')
  await writeFile(path, content)
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}
