import { once } from 'node:events'
import { flyback } from '@flyback/http/koa'
import { Pool, runOnPrimary } from '@flyback/pg'
import Koa from 'koa'
import { checkHandler, INSERT, WHO } from './check.mjs'

const pool = new Pool()
const app = new Koa()
app.use(flyback())
app.use(async (ctx) => {
  if (ctx.path === '/write') await pool.query(INSERT)
  if (ctx.path === '/forward') await runOnPrimary(() => pool.query(INSERT))
  ctx.body = ctx.path === '/' ? (await pool.query(WHO)).rows[0] : 'written'
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
await checkHandler((path) => fetch(`${url}${path}`))
server.close()
server.closeAllConnections()
await pool.end()
console.log('ok')
