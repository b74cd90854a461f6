import assert from 'node:assert/strict'
import { flyback } from '@flyback/http/hono'
import { Pool, runOnPrimary } from '@flyback/pg'
import { Hono } from 'hono'
import { INSERT, WHO } from './check.mjs'

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
assert.deepEqual(await (await app.request('/')).json(), { standby: true })
const refused = await app.request('/write')
assert.equal(refused.status, 409)
assert.match(refused.headers.get('fly-replay'), /region=ewr/)
assert.equal(await (await app.request('/forward')).text(), 'written')
await pool.end()
console.log('ok')
