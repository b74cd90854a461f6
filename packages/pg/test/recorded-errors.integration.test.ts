import { RECORDED_SCHEMA, RECORDED_STATEMENTS, sharedLab } from '@flyback/testkit'
import pg from 'pg'
import olderPg from 'pg-second-copy'
import { expect, test } from 'vitest'

// Records what each supported pg throws on a hot standby, and holds it against packages/core/test/fixtures/errors.
// A new driver or server version changes the file: read the difference, then `vitest run -u` writes it.

test.each([
  ['pg-8.23.1', pg],
  ['pg-8.16.3', olderPg],
])('%s throws on a hot standby of PostgreSQL 18 what the fixtures say', async (name, driver) => {
  await using database = await sharedLab().createDatabase({ schema: RECORDED_SCHEMA })
  const recorded: unknown[] = []
  for (const [sql, belongs] of RECORDED_STATEMENTS) {
    const client = new driver.Client({ connectionString: database.url('iad', 'replica') })
    client.on('error', () => {})
    await client.connect()
    const error = await run(client, sql)
    await client.end()
    expect(error === undefined, sql).toBe(belongs === 'ok')
    recorded.push({ sql, belongs, error: error === undefined ? null : describeError(error) })
  }
  const file = `../../core/test/fixtures/errors/${name}.json`
  await expect(`${JSON.stringify(recorded, null, 2)}\n`).toMatchFileSnapshot(file)
})

/** What the last of the statements (separated by `;;`, each a message of its own) rejects with. */
async function run(client: pg.Client, sql: string): Promise<unknown> {
  try {
    for (const statement of sql.split(';;')) await client.query(statement)
    return undefined
  } catch (error) {
    return error
  }
}

/** Everything an error has of its own, but what changes with every minor release of the server. */
function describeError(error: unknown): Record<string, unknown> {
  const own = Object.entries(Object(error)).filter(
    ([key]) => !['length', 'line', 'file'].includes(key),
  )
  return Object.fromEntries(
    [...own, ['message', Reflect.get(Object(error), 'message')]].filter(([, v]) => v !== undefined),
  )
}
