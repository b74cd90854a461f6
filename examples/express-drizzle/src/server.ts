import { drizzle } from '@flyback/drizzle/node-postgres'
import { flyback } from '@flyback/http/express'
import { desc, eq, sql } from 'drizzle-orm'
import express from 'express'
import { entry, tally } from './schema.ts'

// The guestbook with Drizzle and Express. Nothing in it knows about regions: drizzle() and flyback() read the environment.
const db = drizzle({ schema: { entry, tally } })
const app = express()
app.use(flyback())
app.use(express.json())

app.get('/', async (_req, res) => {
  const entries = await db.query.entry.findMany({
    columns: { author: true, message: true },
    orderBy: desc(entry.id),
    limit: 5,
  })
  const counts = await db.select().from(tally).orderBy(tally.name)
  res.json({ region: process.env.FLY_REGION, entries, tally: counts })
})

app.post('/entries', async (req, res) => {
  const { author, message } = req.body
  const [created] = await db.transaction(async (tx) => {
    await tx
      .update(tally)
      .set({ count: sql`${tally.count} + 1` })
      .where(eq(tally.name, 'entries'))
    return await tx.insert(entry).values({ author, message }).returning({ id: entry.id })
  })
  res.status(201).json({ region: process.env.FLY_REGION, id: created?.id })
})

// A read by its method, a write by what it does: only the database can tell.
app.get('/visit', async (_req, res) => {
  const [visits] = await db
    .update(tally)
    .set({ count: sql`${tally.count} + 1` })
    .where(eq(tally.name, 'visits'))
    .returning()
  res.json({ region: process.env.FLY_REGION, visits: visits?.count })
})

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void db.$client.end())
  server.closeIdleConnections()
})
