import { flyback } from '@flyback/http/express'
import { Pool } from '@flyback/pg'
import connectPgSimple from 'connect-pg-simple'
import express, { type Request } from 'express'
import session from 'express-session'
import { dashboardPage, formPage } from './pages.ts'
import { hashPassword, isPassword } from './password.ts'

declare module 'express-session' {
  interface SessionData {
    accountId: number
  }
}

// Accounts and their sessions, all in Postgres. Nothing in it knows about regions or tokens.
const pool = new Pool()
const app = express()
const Store = connectPgSimple(session)

// TOKENS=off is for src/compare, which shows what it would be like without them.
app.use(process.env.TOKENS === 'off' ? flyback({ token: false }) : flyback())
app.use(express.urlencoded())
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? 'for a laptop',
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
    // Touching a session on every page, and deleting old ones in every region, would be writes on replicas.
    store: new Store({ pool, disableTouch: true, pruneSessionInterval: false }),
  }),
)

app.get('/', (_req, res) => res.redirect('/dashboard'))

app.get('/sign-up', (_req, res) => void res.send(formPage('Sign up')))

app.post('/sign-up', async (req, res) => {
  const { name, password } = readForm(req)
  const { rows } = await pool.query<{ id: number }>(
    'insert into account (name, password) values ($1, $2) on conflict do nothing returning id',
    [name, await hashPassword(password)],
  )
  const [account] = rows
  if (account === undefined) return void res.status(409).send(formPage('Sign up', 'Taken.'))
  await logIn(req, account.id)
  res.redirect(303, '/dashboard')
})

app.get('/log-in', (_req, res) => void res.send(formPage('Log in')))

app.post('/log-in', async (req, res) => {
  const { name, password } = readForm(req)
  const { rows } = await pool.query<{ id: number; password: string }>(
    'select id, password from account where name = $1',
    [name],
  )
  const [account] = rows
  if (account === undefined || !(await isPassword(password, account.password))) {
    return void res.status(403).send(formPage('Log in', 'No such name and password.'))
  }
  await logIn(req, account.id)
  res.redirect(303, '/dashboard')
})

app.get('/dashboard', async (req, res) => {
  const { accountId } = req.session
  if (accountId === undefined) return res.redirect(303, '/log-in')
  const { rows } = await pool.query<{ name: string; accounts: number }>(
    'select name, (select count(*)::int from account) as accounts from account where id = $1',
    [accountId],
  )
  const [account] = rows
  if (account === undefined) return res.redirect(303, '/log-in')
  res.send(dashboardPage(account.name, account.accounts))
})

app.post('/log-out', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.redirect(303, '/log-in')))
})

function readForm(req: Request): { name: string; password: string } {
  const { name, password } = Object(req.body)
  return { name: String(name ?? ''), password: String(password ?? '') }
}

/** A session of another id than before; it is saved as the response ends. */
function logIn(req: Request, accountId: number): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.regenerate((error) => {
      if (error) return reject(error)
      req.session.accountId = accountId
      resolve()
    })
  })
}

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void pool.end())
  server.closeIdleConnections()
})
