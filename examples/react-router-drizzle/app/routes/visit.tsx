import { eq, sql } from 'drizzle-orm'
import { useLoaderData } from 'react-router'
import { db } from '../database.server.ts'
import { tally } from '../schema.ts'

// A read by its method, a write by what it does: only the database can tell.
export async function loader() {
  const [visits] = await db
    .update(tally)
    .set({ count: sql`${tally.count} + 1` })
    .where(eq(tally.name, 'visits'))
    .returning()
  return { region: process.env.FLY_REGION, visits: visits?.count }
}

export default function Visit() {
  const { region, visits } = useLoaderData<typeof loader>()
  return (
    <p>
      You are visitor {visits}. This page was made in {region ?? 'no region'}.
    </p>
  )
}
