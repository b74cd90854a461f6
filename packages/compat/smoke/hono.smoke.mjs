import { flyback } from '@flyback/http/hono'
import { Pool, runOnPrimary } from '@flyback/pg'
import { Hono } from 'hono'
import { checkHandler, INSERT, WHO } from './check.mjs'

const pool = new Pool()
const app = new Hono()
app.use(flyback())
app.get('/', async (c) => c.json((await pool.query(WHO)).rows[0]))
app.get('/write', async (c) => {
  await pool.query(INSERT)
  return c.text('written')
})
app.get('/forward', async (c) => {
  await runOnPrimary(() => pool.query(INSERT))
  return c.text('written')
})
// Hono prints what reached its own error handler.
console.error = () => {}
await checkHandler((path) => app.request(path))
await pool.end()
console.log('ok')
