import { flyback } from '@flyback/http/express'
import { FlybackDialect } from '@flyback/kysely'
import { Pool } from '@flyback/pg'
import express from 'express'
import { type Generated, Kysely } from 'kysely'

interface Database {
  entry: { id: Generated<number>; author: string; message: string }
  tally: { name: string; count: number }
}

// The guestbook with Kysely and Express. Nothing in it knows about regions: pool and flyback() read the environment.
const db = new Kysely<Database>({ dialect: new FlybackDialect({ pool: new Pool() }) })
const app = express()
app.use(flyback())
app.use(express.json())

app.get('/', async (_req, res) => {
  const entries = await db
    .selectFrom('entry')
    .select(['author', 'message'])
    .orderBy('id', 'desc')
    .limit(5)
    .execute()
  const tally = await db.selectFrom('tally').selectAll().orderBy('name').execute()
  res.json({ region: process.env.FLY_REGION, entries, tally })
})

app.post('/entries', async (req, res) => {
  const { author, message } = req.body
  const entry = await db.transaction().execute(async (tx) => {
    await count('entries', tx)
    const insert = tx.insertInto('entry').values({ author, message })
    return await insert.returning('id').executeTakeFirstOrThrow()
  })
  res.status(201).json({ region: process.env.FLY_REGION, id: entry.id })
})

// A read by its method, a write by what Kysely knows of it: refused before anything is sent.
app.get('/visit', async (_req, res) => {
  res.json({ region: process.env.FLY_REGION, visits: await count('visits', db) })
})

async function count(name: string, on: Kysely<Database>): Promise<number> {
  const tally = await on
    .updateTable('tally')
    .set((e) => ({ count: e('count', '+', 1) }))
    .where('name', '=', name)
    .returning('count')
    .executeTakeFirstOrThrow()
  return tally.count
}

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void db.destroy())
  server.closeIdleConnections()
})
