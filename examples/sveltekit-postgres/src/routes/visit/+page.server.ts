import type { ServerLoad } from '@sveltejs/kit'
import { sql } from '../../lib/database.ts'

// A read by its method, a write by what it does: only the database can tell.
export const load: ServerLoad = async () => {
  const [tally] = await sql`
    update tally set count = count + 1 where name = 'visits' returning count`
  return { region: process.env.FLY_REGION ?? 'no region', visits: tally?.count }
}
