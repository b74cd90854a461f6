import { once } from 'node:events'
import { findReplayRequired, Pool, runOnPrimary } from '@flyback/pg'
import { type Regions, serveRegions, sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { withFlybackUpgrade } from '../src/node.js'
import { SCHEMA } from './lab-app.js'

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

const INSERT = 'insert into effect (id, region) values ($1, $2)'

/** Rooms that note who comes in, before they let anyone in; what is said there is noted on the primary. */
function serveRooms(
  regions: readonly string[],
  mistaken: readonly string[] = [],
): Promise<Regions> {
  return serveRegions({
    regions,
    serve(region) {
      const env = {
        ...database.env(region),
        // A region that takes another one for the primary.
        ...(mistaken.includes(region) && { PRIMARY_REGION: 'iad' }),
      }
      const pool = new Pool({ max: 2, flyback: { env } })
      const note = (id: string): Promise<unknown> => pool.query(INSERT, [id, region])
      const sockets = new WebSocketServer({ noServer: true })
      sockets.on('connection', (connection) => {
        connection.on('error', () => undefined)
        connection.on('message', async (message) => {
          // ws gives a Buffer unless it is told otherwise.
          const text = (message as Buffer).toString()
          const refused = await note(`${text}-bare`).catch(findReplayRequired)
          await runOnPrimary(() => note(text))
          connection.send(JSON.stringify({ region, refused: refused instanceof Error }))
        })
        connection.send(region)
      })
      return {
        listener: (_req, res) => void res.end(),
        upgrade: withFlybackUpgrade(
          async (req, socket, head) => {
            const { pathname, searchParams } = new URL(req.url ?? '', 'http://app')
            const id = searchParams.get('id') ?? ''
            if (pathname === '/noted') await note(id)
            if (pathname === '/read') await pool.query('select count(*) from item')
            sockets.handleUpgrade(req, socket, head, (connection) =>
              sockets.emit('connection', connection, req),
            )
          },
          {
            env,
            routes: [
              { path: '/chat', policy: 'replay' },
              { path: '/far', policy: 'forward' },
            ],
          },
        ),
        close: () => pool.end(),
      }
    },
  })
}

async function open(url: string): Promise<[client: WebSocket, greeting: string]> {
  const client = new WebSocket(url.replace('http:', 'ws:'))
  const [message] = (await once(client, 'message')) as [Buffer]
  return [client, message.toString()]
}

async function close(client: WebSocket): Promise<void> {
  client.close()
  await once(client, 'close')
}

async function effects(id: string): Promise<string[]> {
  const sql = 'select region from effect where id = $1'
  const rows = await database.query<{ region: string }>('ewr', 'writer', sql, [id])
  return rows.map((row) => row.region)
}

test('an upgrade is made where it belongs: here, or in the primary region, by the edge', async () => {
  await using regions = await serveRooms(['ewr', 'iad'])
  for (const [path, where] of [
    ['/', 'iad'],
    ['/read', 'iad'],
    ['/far', 'iad'],
    ['/chat', 'ewr'],
    ['/noted?id=noted', 'ewr'],
  ] as const) {
    const [client, greeting] = await open(regions.url('iad', path))
    expect(greeting, path).toBe(where)
    await close(client)
  }
  expect(await effects('noted')).toEqual(['ewr'])
  const ways = (): unknown[] => regions.records.map(({ hops }) => hops.map(({ region }) => region))
  await expect.poll(ways).toEqual([['iad'], ['iad'], ['iad'], ['iad', 'ewr'], ['iad', 'ewr']])
})

test('rule 5: what a message writes is refused here, and runs on the primary when asked to', async () => {
  await using regions = await serveRooms(['ewr', 'iad'])
  const [client] = await open(regions.url('iad', '/'))
  for (const id of ['one', 'two']) {
    client.send(id)
    const [answer] = (await once(client, 'message')) as [Buffer]
    expect(JSON.parse(answer.toString())).toEqual({ region: 'iad', refused: true })
    expect(await effects(id)).toEqual(['iad'])
    expect(await effects(`${id}-bare`)).toEqual([])
  }
  await close(client)
})

test('rule 2: where regions disagree an upgrade is replayed once, and then stays', async () => {
  await using regions = await serveRooms(['syd', 'iad'], ['syd'])
  const [client, greeting] = await open(regions.url('syd', '/noted?id=disagree'))
  expect(greeting).toBe('iad')
  await close(client)
  expect(await effects('disagree')).toEqual(['iad'])
})

test('rule 2: with no machine in the primary region an upgrade stays, and writes there', async () => {
  await using regions = await serveRooms(['ewr', 'iad'])
  regions.down('ewr')
  const [client, greeting] = await open(regions.url('iad', '/noted?id=alone'))
  expect(greeting).toBe('iad')
  await close(client)
  expect(await effects('alone')).toEqual(['iad'])
})
