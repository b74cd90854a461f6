import { flyback } from '@flyback/http/hono'
import postgres from '@flyback/postgres'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

// The guestbook with postgres.js and Hono. Nothing in it knows about regions: both read the environment.
const sql = postgres()
const app = new Hono()
app.use(flyback())

app.get('/', async (c) => {
  const entries = await sql`select author, message from entry order by id desc limit 5`
  const tally = await sql`select name, count from tally order by name`
  return c.json({ region: process.env.FLY_REGION, entries, tally })
})

app.post('/entries', async (c) => {
  const { author, message } = await c.req.json()
  const [entry] = await sql.begin(async (tx) => {
    await tx`update tally set count = count + 1 where name = 'entries'`
    return await tx`insert into entry ${tx({ author, message })} returning id`
  })
  return c.json({ region: process.env.FLY_REGION, id: entry?.id }, 201)
})

// A read by its method, a write by what it does: only the database can tell.
app.get('/visit', async (c) => {
  const [tally] = await sql`
    update tally set count = count + 1 where name = 'visits' returning count`
  return c.json({ region: process.env.FLY_REGION, visits: tally?.count })
})

const port = Number(process.env.PORT ?? 3000)
const server = serve({ fetch: app.fetch, port, hostname: process.env.HOST ?? '127.0.0.1' })

process.once('SIGTERM', () => {
  server.close(() => void sql.end())
})
