import { flyback } from '@flyback/http/h3'
import { Pool } from '@flyback/pg'
import { H3, readBody, serve } from 'h3'

// The guestbook with h3. Nothing in it knows about regions: Pool and flyback() read the environment.
const pool = new Pool()
const region = process.env.FLY_REGION
const app = new H3()
app.use(flyback())

app.get('/', async () => {
  const entries = await pool.query('select author, message from entry order by id desc limit 5')
  return { region, entries: entries.rows }
})

app.post('/entries', async (event) => {
  const { author, message } = Object(await readBody(event))
  const { rows } = await pool.query(
    `with counted as (update tally set count = count + 1 where name = 'entries')
     insert into entry (author, message) values ($1, $2) returning id`,
    [author, message],
  )
  event.res.status = 201
  return { region, id: rows[0].id }
})

// A read by its method, a write by what it does: only the database can tell.
app.get('/visit', async () => {
  const { rows } = await pool.query(
    "update tally set count = count + 1 where name = 'visits' returning count",
  )
  return { region, visits: rows[0].count }
})

const server = serve(app, {
  port: Number(process.env.PORT ?? 3000),
  hostname: process.env.HOST ?? '127.0.0.1',
  gracefulShutdown: false,
})

process.once('SIGTERM', () => {
  void server.close(true).then(() => pool.end())
})
