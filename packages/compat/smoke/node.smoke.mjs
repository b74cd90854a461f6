import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { requirePrimary, runOnPrimary, withFlyback } from '@flyback/http/node'
import { Pool } from '@flyback/pg'
import { INSERT, WHO } from './check.mjs'

const pool = new Pool()
const late = []
const handlers = {
  '/': async (res) => res.end(JSON.stringify((await pool.query(WHO)).rows[0])),
  '/write': (res) => pool.query(INSERT).then(() => res.end('written')),
  '/noted': async (res) => {
    res.writeHead(200, { 'content-type': 'text/plain' })
    await pool.query(INSERT).catch(() => {})
    res.write('a')
    res.end('b')
  },
  '/forward': async (res) => {
    await runOnPrimary(() => pool.query(INSERT))
    res.end('written')
  },
  '/begun': (res) =>
    res.write('begun', () => {
      assert.throws(requirePrimary, ({ replayable }) => late.push(replayable) > 0)
      res.end('ended')
    }),
}
const server = createServer(withFlyback((req, res) => handlers[req.url](res)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}`
assert.deepEqual(await (await fetch(url)).json(), { standby: true })
for (const path of ['/write', '/noted']) {
  const refused = await fetch(`${url}${path}`)
  assert.deepEqual([refused.status, await refused.text()], [409, ''])
  assert.match(refused.headers.get('fly-replay'), /region=ewr/)
}
assert.equal(await (await fetch(`${url}/forward`)).text(), 'written')
// Nothing is replayed once a response has begun: it is broken off.
await assert.rejects(fetch(`${url}/begun`).then((response) => response.text()))
assert.deepEqual(late, [false])
server.close()
server.closeAllConnections()
await pool.end()
console.log('ok')
