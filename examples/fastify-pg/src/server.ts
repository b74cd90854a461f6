import { flyback } from '@flyback/http/fastify'
import { Pool } from '@flyback/pg'
import Fastify from 'fastify'

// The guestbook with Fastify and node-postgres. Nothing in it knows about regions: both read the environment.
const pool = new Pool()
const app = Fastify()
await app.register(flyback)
app.addHook('onClose', () => pool.end())

app.get('/', async () => {
  const entries = await pool.query('select author, message from entry order by id desc limit 5')
  const tally = await pool.query('select name, count from tally order by name')
  return { region: process.env.FLY_REGION, entries: entries.rows, tally: tally.rows }
})

interface Entry {
  author: string
  message: string
}

const entry = {
  type: 'object',
  required: ['author', 'message'],
  properties: { author: { type: 'string' }, message: { type: 'string' } },
}

app.post<{ Body: Entry }>('/entries', { schema: { body: entry } }, async (request, reply) => {
  const { author, message } = request.body
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query(
      'insert into entry (author, message) values ($1, $2) returning id',
      [author, message],
    )
    await client.query("update tally set count = count + 1 where name = 'entries'")
    await client.query('commit')
    return reply.code(201).send({ region: process.env.FLY_REGION, id: rows[0].id })
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
})

// A read by its method, a write by what it does: only the database can tell.
app.get('/visit', async () => {
  const { rows } = await pool.query(
    "update tally set count = count + 1 where name = 'visits' returning count",
  )
  return { region: process.env.FLY_REGION, visits: rows[0].count }
})

await app.listen({
  port: Number(process.env.PORT ?? 3000),
  host: process.env.HOST ?? '127.0.0.1',
})

process.once('SIGTERM', () => void app.close())
