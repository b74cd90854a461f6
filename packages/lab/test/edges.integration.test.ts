import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EdgeRecord, type Lab, startLab } from '../src/index.js'
import { query } from './support/query.js'

const servers: Server[] = []

const records: EdgeRecord[] = []
let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    regions: ['ewr', 'iad'],
    distances: { 'ewr-iad': 50 },
    edge: { connectTimeoutMs: 200, giveUpAfterMs: 400 },
    onRequest: (record) => records.push(record),
  })
  await query(lab.url('ewr', 'replica'), 'create table notes (region text)')
  for (const region of lab.regions) await deploy(region, app(region))
})

afterAll(async () => {
  await lab.close()
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** Runs an app in a region of the lab. */
async function deploy(region: string, listener: RequestListener): Promise<void> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const env = lab.env(region)
  const names = { app: env['FLY_APP_NAME'] ?? '', id: env['FLY_MACHINE_ID'] ?? '' }
  lab.machines.add({ ...names, region, host: '127.0.0.1', port })
}

/** Writes in the primary region, and asks for a replay elsewhere. */
function app(region: string): RequestListener {
  return async (request, response) => {
    if (request.method === 'POST' && region !== lab.primaryRegion) {
      response.writeHead(409, { 'fly-replay': `region=${lab.primaryRegion}` }).end()
      return
    }
    if (request.method === 'POST') {
      await query(lab.url(region, 'writer'), 'insert into notes values ($1)', [region])
    }
    response.end(region)
  }
}

const post = () => fetch(lab.edgeUrl('iad'), { method: 'POST', body: 'hello' })

test('a visitor reaches the app beside them, and a replayed request pays the distance to the primary', async () => {
  expect(await (await fetch(lab.edgeUrl('iad'))).text()).toBe('iad')
  const startedMs = performance.now()
  expect(await (await post()).text()).toBe('ewr')
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(50)
  expect(records.map((record) => record.hops.length)).toEqual([1, 2])
})

test('a region that is cut off serves its own visitors and replays nothing', async () => {
  lab.cut('iad')
  expect(await (await fetch(lab.edgeUrl('iad'))).text()).toBe('iad')
  expect((await post()).status).toBeGreaterThanOrEqual(500)
  lab.heal('iad')
  expect(await (await post()).text()).toBe('ewr')
})
