import { RECORDED_SCHEMA, RECORDED_STATEMENTS, sharedLab } from '@flyback/testkit'
import { expect, test } from 'vitest'
import type { Driver } from '../src/driver-internals.js'
import { VERSIONS } from './versions.js'

// Records what each supported postgres.js throws on a hot standby, and holds it against packages/core/test/fixtures/errors.
// A new driver or server version changes the file: read the difference, then `vitest run -u` writes it.

test.each(VERSIONS)(
  'postgres.js %s throws on a hot standby of PostgreSQL 18 what the fixtures say',
  async (version, driver) => {
    await using database = await sharedLab().createDatabase({ schema: RECORDED_SCHEMA })
    const recorded: unknown[] = []
    for (const [sql, belongs] of RECORDED_STATEMENTS) {
      const error = await run(driver, database.url('iad', 'replica'), sql)
      expect(error === undefined, sql).toBe(belongs === 'ok')
      recorded.push({ sql, belongs, error: error === undefined ? null : describeError(error) })
    }
    const file = `../../core/test/fixtures/errors/postgres-${version}.json`
    await expect(`${JSON.stringify(recorded, null, 2)}\n`).toMatchFileSnapshot(file)
  },
)

/** What the last of the statements (separated by `;;`, each a message of its own) rejects with. */
async function run(driver: Driver, url: string, text: string): Promise<unknown> {
  const sql = driver(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    for (const statement of text.split(';;')) await sql.unsafe(statement)
    return undefined
  } catch (error) {
    return error
  } finally {
    await sql.end()
  }
}

/** Everything an error shows, but what changes with every minor release of the server. */
function describeError(error: unknown): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  // Before 3.4.2 the fields are those of the object it inherits from.
  for (const key in Object(error)) {
    if (!['line', 'file'].includes(key)) shown[key] = Reflect.get(Object(error), key)
  }
  return { ...shown, message: Reflect.get(Object(error), 'message') }
}
