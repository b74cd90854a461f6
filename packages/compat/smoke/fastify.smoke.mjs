import assert from 'node:assert/strict'
import { flyback } from '@flyback/http/fastify'
import { Pool, runOnPrimary } from '@flyback/pg'
import fastify from 'fastify'
import { INSERT, WHO } from './check.mjs'

const pool = new Pool()
const app = fastify()
app.register(flyback)
app.get('/', async () => (await pool.query(WHO)).rows[0])
app.get('/write', async () => {
  await pool.query(INSERT)
  return 'written'
})
app.get('/forward', async () => {
  await runOnPrimary(() => pool.query(INSERT))
  return 'written'
})
const url = await app.listen({ port: 0, host: '127.0.0.1' })
assert.deepEqual(await (await fetch(url)).json(), { standby: true })
const refused = await fetch(`${url}/write`)
assert.equal(refused.status, 409)
assert.match(refused.headers.get('fly-replay'), /region=ewr/)
assert.equal(await (await fetch(`${url}/forward`)).text(), 'written')
app.server.closeAllConnections()
await app.close()
await pool.end()
console.log('ok')
