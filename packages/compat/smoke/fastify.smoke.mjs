import { flyback } from '@flyback/http/fastify'
import { Pool, runOnPrimary } from '@flyback/pg'
import fastify from 'fastify'
import { checkHandler, INSERT, WHO } from './check.mjs'

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
await checkHandler((path) => fetch(`${url}${path}`))
app.server.closeAllConnections()
await app.close()
await pool.end()
console.log('ok')
