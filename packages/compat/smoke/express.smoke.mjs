import { once } from 'node:events'
import { flyback } from '@flyback/http/express'
import { Pool, runOnPrimary } from '@flyback/pg'
import express from 'express'
import { checkHandler, INSERT, WHO } from './check.mjs'

const pool = new Pool()
const app = express()
app.use(flyback())
app.get('/', (_req, res, next) => pool.query(WHO).then(({ rows }) => res.json(rows[0]), next))
app.get('/write', (_req, res, next) => pool.query(INSERT).then(() => res.send('written'), next))
app.get('/forward', (_req, res, next) =>
  runOnPrimary(() => pool.query(INSERT)).then(() => res.send('written'), next),
)
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
await checkHandler((path) => fetch(`${url}${path}`))
server.close()
server.closeAllConnections()
await pool.end()
console.log('ok')
