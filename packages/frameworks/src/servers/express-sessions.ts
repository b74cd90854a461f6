import { flyback } from '@flyback/http/express'
import { Pool } from '@flyback/pg'
import connectPgSimple from 'connect-pg-simple'
import express, { type Request } from 'express'
import session from 'express-session'
import { address } from './node-exchange.ts'

// Sessions in Postgres, saved while the response ends. Not the app of the contract.

const Store = connectPgSimple(session)
const app = express()
app.get('/ready', (_req, res) => void res.send('ready'))
app.use(flyback())
app.use(
  session({
    secret: 'of the test',
    resave: false,
    saveUninitialized: false,
    store: new Store({
      pool: new Pool({ max: 3 }),
      createTableIfMissing: true,
      pruneSessionInterval: false,
      disableTouch: true,
    }),
  }),
)

const logIn = (req: Request): void => {
  Reflect.set(req.session, 'visitor', 'ann')
}
app.post('/log-in', (req, res) => {
  logIn(req)
  res.json({ in: true })
})
app.get('/callback', (req, res) => {
  logIn(req)
  res.redirect('/read')
})
app.get('/head', (req, res) => {
  logIn(req)
  res.writeHead(201, { 'cache-control': 'public, max-age=5' })
  res.end('in')
})
app.get('/empty', (req, res) => {
  logIn(req)
  res.status(204).end()
})
app.get('/read', (_req, res) => void res.json({ in: false }))

const { port, host } = address()
app.listen(port, host)
