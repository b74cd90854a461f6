import assert from 'node:assert/strict'
import { flyback } from '@flyback/http/h3'
import { Pool, runOnPrimary } from '@flyback/pg'
import { H3 } from 'h3'
import { INSERT, WHO } from './check.mjs'

const pool = new Pool()
const app = new H3({ silent: true })
app.use(flyback())
app.get('/', async () => (await pool.query(WHO)).rows[0])
app.get('/write', async () => {
  await pool.query(INSERT)
  return 'written'
})
app.get('/forward', async () => {
  await runOnPrimary(() => pool.query(INSERT))
  return 'written'
})
const ask = async (path) => await app.request(`http://app.test${path}`)
assert.deepEqual(await (await ask('/')).json(), { standby: true })
const refused = await ask('/write')
assert.equal(refused.status, 409)
assert.match(refused.headers.get('fly-replay'), /region=ewr/)
assert.equal(await (await ask('/forward')).text(), 'written')
await pool.end()
console.log('ok')
