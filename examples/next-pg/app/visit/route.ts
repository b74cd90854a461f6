import { pool } from '../../lib/database'

// A read by its method, a write by what it does: only the database can tell.
export async function GET() {
  const { rows } = await pool.query<{ count: string }>(
    "update tally set count = count + 1 where name = 'visits' returning count",
  )
  return new Response(
    `Visit ${rows[0]?.count} was made in ${process.env.FLY_REGION ?? 'no region'}.`,
  )
}
