import pg from 'pg'

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  params: readonly unknown[] = [],
): Promise<Row[]> {
  const client = await open(connectionString)
  try {
    return (await client.query<Row>(sql, [...params])).rows
  } finally {
    await client.end()
  }
}

/** A connection that survives its server: faults end up in the queries, not in the process. */
export async function open(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The number that the column `value` of the first row holds. */
export async function value(connectionString: string, sql: string): Promise<unknown> {
  const [row] = await query<{ value: unknown }>(connectionString, sql)
  return row?.value
}

/** Whether a promise settles within a time. */
export async function settlesWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  const settled = promise.then(
    () => true,
    () => true,
  )
  const result = await Promise.race([settled, late])
  clearTimeout(timer)
  return result
}
