import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { listenExactly } from '../../src/network/listen.js'
import { Relay, type RelayTarget } from '../../src/network/relay.js'
import { Wan } from '../../src/network/wan.js'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A server that says its name and then what it hears. */
async function serve(region: string): Promise<RelayTarget> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(`${region}:`)
    socket.pipe(socket)
  })
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { region, host: '127.0.0.1', port: await listenExactly(server, '127.0.0.1', 0) }
}

async function relayTo(
  target: () => RelayTarget | undefined,
  wan = new Wan(() => 0),
): Promise<Relay> {
  const relay = await Relay.start({ region: 'ewr', host: '127.0.0.1', port: 0, wan, target })
  closers.push(
    () => relay.close(),
    () => wan.close(),
  )
  return relay
}

function open(relay: Relay, options = { allowHalfOpen: true }): Socket {
  const socket = connect({ host: relay.host, port: relay.port, ...options })
  socket.on('error', () => {})
  return socket
}

test('a relay passes bytes on in both directions, and the end of each', async () => {
  for (const region of ['ewr', 'iad']) {
    const target = await serve(region)
    const client = open(await relayTo(() => target))
    client.end('hello')
    expect(await text(client)).toBe(`${region}:hello`)
  }
})

test('new connections go to the present target, those to the former one end when they are dropped', async () => {
  let target = await serve('iad')
  const relay = await relayTo(() => target)
  const old = open(relay, { allowHalfOpen: false }).resume()
  await once(old, 'data')
  target = await serve('syd')
  const closed = once(old, 'close')
  relay.dropConnections()
  await closed
  const client = open(relay)
  client.end()
  expect(await text(client)).toBe('syd:')
})

test('without a target, connections are accepted and closed without a reset', async () => {
  const relay = await relayTo(() => undefined)
  const client = open(relay)
  client.write('anybody?')
  await once(client, 'connect')
  expect(await text(client)).toBe('')
})

test('a target that refuses looks the same', async () => {
  for (const region of ['ewr', 'iad']) {
    const server = createServer()
    const port = await listenExactly(server, '127.0.0.1', 0)
    await new Promise((resolve) => server.close(resolve))
    const client = open(await relayTo(() => ({ region, host: '127.0.0.1', port })))
    client.write('anybody?')
    expect(await text(client)).toBe('')
  }
})

test('a relay closes while its connections are in a silent region', async () => {
  const target = await serve('iad')
  const wan = new Wan(() => 0)
  const relay = await relayTo(() => target, wan)
  const client = open(relay, { allowHalfOpen: false }).resume()
  await once(client, 'data')
  wan.cut('iad')
  const waiting = open(relay, { allowHalfOpen: false }).resume()
  await once(waiting, 'connect')
  const closed = Promise.all([once(client, 'close'), once(waiting, 'close')])
  await relay.close()
  await closed
})

test('a taken port is replaced by a free one', async () => {
  const target = await serve('ewr')
  const first = await relayTo(() => target)
  const second = await Relay.start({
    region: 'ewr',
    host: '127.0.0.1',
    port: first.port,
    wan: new Wan(() => 0),
    target: () => target,
  })
  closers.push(() => second.close())
  expect(second.port).not.toBe(first.port)
})
