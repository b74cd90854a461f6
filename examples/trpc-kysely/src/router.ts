import { FlybackDialect, requirePrimary } from '@flyback/kysely'
import { Pool } from '@flyback/pg'
import { initTRPC } from '@trpc/server'
import { type Generated, Kysely } from 'kysely'
import { z } from 'zod'

interface Tables {
  entry: { id: Generated<number>; author: string; message: string }
  tally: { name: string; count: number }
}

export const db: Kysely<Tables> = new Kysely({ dialect: new FlybackDialect({ pool: new Pool() }) })
const region = process.env.FLY_REGION
const t = initTRPC.create()

// A mutation belongs in the primary region from its first line, whatever it does before it writes.
const procedure = t.procedure.use(({ type, next }) => {
  if (type === 'mutation') requirePrimary()
  return next()
})

// The guestbook as procedures. Nothing in it knows about regions.
export const appRouter = t.router({
  entries: procedure.query(async () => {
    const entries = await db
      .selectFrom('entry')
      .select(['author', 'message'])
      .orderBy('id', 'desc')
      .limit(5)
      .execute()
    return { region, entries }
  }),

  sign: procedure
    .input(z.object({ author: z.string(), message: z.string() }))
    .mutation(async ({ input }) => {
      const { id } = await db.transaction().execute(async (tx) => {
        await tx
          .updateTable('tally')
          .set((eb) => ({ count: eb('count', '+', 1) }))
          .where('name', '=', 'entries')
          .execute()
        return await tx.insertInto('entry').values(input).returning('id').executeTakeFirstOrThrow()
      })
      return { region, id }
    }),

  // A query by its name, a write by what it does.
  visit: procedure.query(async () => {
    const { count } = await db
      .updateTable('tally')
      .set((eb) => ({ count: eb('count', '+', 1) }))
      .where('name', '=', 'visits')
      .returning('count')
      .executeTakeFirstOrThrow()
    return { region, visits: count }
  }),
})

export type AppRouter = typeof appRouter
