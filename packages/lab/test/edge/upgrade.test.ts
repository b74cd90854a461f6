import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createMachineTable, type EdgeRecord, startEdge } from '../../src/edge/index.js'
import { deferred, portOf, sendRaw } from './edge-world.js'

type OnUpgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wss: WebSocketServer,
) => void

const accept: OnUpgrade = (request, socket, head, wss) => {
  wss.handleUpgrade(request, socket, head, (client) => {
    const { 'x-machine': machine, 'fly-replay-src': source = '' } = request.headers
    client.send(`hello from ${String(machine)} ${String(source)}`)
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
  })
}

const answerWith =
  (head: string): OnUpgrade =>
  (_request, socket) =>
    socket.end(`HTTP/1.1 ${head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)

async function startSockets(regions: Record<string, OnUpgrade>) {
  const stack = new AsyncDisposableStack()
  const machines = createMachineTable()
  const records: EdgeRecord[] = []
  const arrived: IncomingMessage[] = []
  for (const [region, onUpgrade] of Object.entries(regions)) {
    const wss = new WebSocketServer({ noServer: true })
    const server = createServer((_request, response) => response.end('plain'))
    server.on('upgrade', (request, socket, head) => {
      arrived.push(request)
      request.headers['x-machine'] = region
      socket.on('error', () => undefined)
      onUpgrade(request, socket, head, wss)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    stack.defer(async () => {
      for (const client of wss.clients) client.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    machines.add({ id: `m-${region}`, region, host: '127.0.0.1', port: portOf(server.address()) })
  }
  const edge = stack.use(
    await startEdge({ region: 'iad', machines, onRequest: (record) => records.push(record) }),
  )
  return {
    edge,
    machines,
    records,
    arrived,
    open: () =>
      new WebSocket(`ws://127.0.0.1:${edge.port}/chat?room=1`, { headers: { 'x-mine': 'yes' } }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#web-socket-considerations */
describe('a WebSocket', () => {
  it('is joined to the machine, both ways, and closes on both sides', async () => {
    await using world = await startSockets({ iad: accept })
    const socket = world.open()
    const [greeting] = await once(socket, 'message')
    expect(String(greeting)).toBe('hello from iad ')
    const sent = Buffer.alloc(300_000, 'x')
    socket.send(sent)
    const [back] = await once(socket, 'message')
    expect(Buffer.compare(back, sent)).toBe(0)
    socket.close(1000)
    await once(socket, 'close')
    await expect.poll(() => world.records.length).toBe(1)
    expect(world.records[0]).toMatchObject({ status: 101, path: '/chat', aborted: false })
    expect(world.records[0]?.requestBytes).toBeGreaterThan(300_000)
    expect(world.records[0]?.responseBytes).toBeGreaterThan(300_000)
  })

  it('whose upgrade is answered with a replay is opened at the target', async () => {
    await using world = await startSockets({
      iad: answerWith('409 Conflict\r\nfly-replay: region=ewr;state=s'),
      ewr: accept,
    })
    const socket = world.open()
    const [greeting] = await once(socket, 'message')
    expect(String(greeting)).toMatch(/^hello from ewr instance=m-iad;region=iad;t=\d+;state=s$/)
    expect(world.arrived[1]).toMatchObject({
      url: '/chat?room=1',
      headers: { 'x-mine': 'yes', upgrade: 'websocket' },
    })
    expect(world.arrived[1]?.headers).toMatchObject({
      'fly-region': 'iad',
      'fly-client-ip': '127.0.0.1',
    })
    socket.terminate()
  })

  // "should not negotiate a web socket upgrade itself": after 101 nothing can be replayed.
  it('that the machine accepted is not replayed, and shows no replay header', async () => {
    const both: OnUpgrade = (request, socket, head, wss) => {
      wss.once('headers', (headers: string[]) => headers.push('fly-replay: region=ewr'))
      accept(request, socket, head, wss)
    }
    await using world = await startSockets({ iad: both, ewr: accept })
    const socket = world.open()
    const [[response], [greeting]] = await Promise.all([
      once(socket, 'upgrade'),
      once(socket, 'message'),
    ])
    expect(String(greeting)).toBe('hello from iad ')
    expect(response.headers).not.toHaveProperty('fly-replay')
    expect(response.headers['fly-request-id']).toMatch(/-iad$/)
    socket.terminate()
  })

  it('that the machine refuses gets its answer', async () => {
    await using world = await startSockets({ iad: answerWith('403 Forbidden\r\nx-why: no') })
    const [, response] = await once(world.open(), 'unexpected-response')
    expect(response).toMatchObject({ statusCode: 403, headers: { 'x-why': 'no' } })
    response.resume()
    await expect.poll(() => world.records[0]?.status).toBe(403)
  })

  it('gets the error of the edge when no machine can take it, or the replay is not valid', async () => {
    await using world = await startSockets({
      iad: answerWith('409 Conflict\r\nfly-replay: nonsense'),
    })
    const [, invalid] = await once(world.open(), 'unexpected-response')
    expect(invalid.headers['lab-edge-error']).toBe('PA03')
    world.machines.find('m-iad')?.setHealth('down')
    const [, nobody] = await once(world.open(), 'unexpected-response')
    expect(nobody.headers['lab-edge-error']).toBe('PR04')
    for (const response of [invalid, nobody]) response.resume()
  })

  it('is cut on one side when the other breaks', async () => {
    const closed = deferred<undefined>()
    const watch: OnUpgrade = (request, socket, head, wss) => {
      socket.once('close', () => closed.resolve(undefined))
      accept(request, socket, head, wss)
    }
    await using world = await startSockets({ iad: watch })
    const socket = world.open()
    await once(socket, 'message')
    socket.terminate()
    await closed.promise
    await expect.poll(() => world.records.length).toBe(1)
  })

  it('is cut when the edge closes', async () => {
    await using world = await startSockets({ iad: accept })
    const socket = world.open().on('error', () => undefined)
    await once(socket, 'message')
    await Promise.all([once(socket, 'close'), world.edge.close()])
  })

  it('that carries a body is refused, since nobody could tell where it ends', async () => {
    await using world = await startSockets({ iad: accept })
    const head = 'POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
    const answer = await sendRaw(world.edge.port, `${head}content-length: 4\r\n\r\nbody`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(world.arrived).toEqual([])
  })
})
