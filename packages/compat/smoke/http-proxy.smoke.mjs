import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { flyback, httpProxy, withFlybackUpgrade } from '@flyback/http/node'
import { Pool, runOnPrimary } from '@flyback/pg'
import { INSERT } from './check.mjs'

const pool = new Pool()
async function listen(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

const primary = createServer(async (req, res) => {
  if (req.url === '/write') await runOnPrimary(() => pool.query(INSERT))
  for (const part of ['writ', 'ten']) {
    res.write(part)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  res.end()
})
const use = flyback({ platform: httpProxy({ url: await listen(primary) }) })
const replica = createServer((req, res) => {
  const { write, end } = res
  use(req, res, async () => {
    if (req.url !== '/') await pool.query(INSERT).catch(() => {})
    res.end('here')
    if (req.url === '/') return
    // A middleware in front that goes on writing by the methods it found.
    const timer = setInterval(() => {
      write.call(res, 'intruder')
      end.call(res)
    }, 2)
    res.on('close', () => clearInterval(timer))
  })
})
const url = await listen(replica)
assert.equal(await (await fetch(url)).text(), 'here')
const carried = await fetch(`${url}/write`)
assert.deepEqual([carried.status, await carried.text()], [200, 'written'])
assert.equal(await (await fetch(`${url}/body`, { method: 'POST', body: 'x' })).text(), 'written')

replica.on(
  'upgrade',
  withFlybackUpgrade(async (_req, socket) => {
    await pool.query(INSERT)
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  }),
)
const headers = { connection: 'upgrade', upgrade: 'x' }
const [refused] = await once(request(`${url}/`, { headers }).end(), 'response')
assert.deepEqual(
  [refused.statusCode, /region=ewr/.test(refused.headers['fly-replay'])],
  [409, true],
)

for (const server of [primary, replica]) {
  server.close()
  server.closeAllConnections()
}
await pool.end()
console.log('ok')
