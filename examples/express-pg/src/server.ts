import { flyback } from '@flyback/http/express'
import { Pool } from '@flyback/pg'
import express from 'express'

// A guestbook. Nothing in it knows about regions: Pool and flyback() read the environment.
const pool = new Pool()
const app = express()
app.use(flyback())
app.use(express.json())

app.get('/', async (_req, res) => {
  const entries = await pool.query('select author, message from entry order by id desc limit 5')
  const tally = await pool.query('select name, count from tally order by name')
  res.json({ ...(await whoAnswered()), entries: entries.rows, tally: tally.rows })
})

app.post('/entries', async (req, res) => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query(
      'insert into entry (author, message) values ($1, $2) returning id',
      [req.body.author, req.body.message],
    )
    await client.query("update tally set count = count + 1 where name = 'entries'")
    await client.query('commit')
    res.status(201).json({ ...(await whoAnswered()), id: rows[0].id })
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
})

// A read by its method, a write by what it does: only the database can tell.
app.get('/visit', async (_req, res) => {
  const { rows } = await pool.query(
    "update tally set count = count + 1 where name = 'visits' returning count",
  )
  res.json({ ...(await whoAnswered()), visits: rows[0].count })
})

/** Which app and which database server answer this request. */
async function whoAnswered(): Promise<{ region: string | undefined; member: string }> {
  const { rows } = await pool.query('select host(inet_server_addr()) as member')
  return { region: process.env.FLY_REGION, member: rows[0].member }
}

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void pool.end())
  server.closeIdleConnections()
})
