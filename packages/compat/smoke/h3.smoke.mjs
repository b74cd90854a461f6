import { flyback } from '@flyback/http/h3'
import { Pool, runOnPrimary } from '@flyback/pg'
import { H3 } from 'h3'
import { checkHandler, INSERT, WHO } from './check.mjs'

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
await checkHandler((path) => app.request(`http://app.test${path}`))
await pool.end()
console.log('ok')
