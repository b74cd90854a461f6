import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { DelayedDuplex } from '../../src/network/delayed-duplex.js'
import { Link } from '../../src/network/link.js'
import { listenExactly } from '../../src/network/listen.js'

const servers: Server[] = []
const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  servers.push(server)
  return listenExactly(server, '127.0.0.1', 0)
}

function dial(link: Link, port: number): DelayedDuplex {
  return new DelayedDuplex(link, () => connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
}

function linkOf(oneWayMs: number): Link {
  const link = new Link()
  link.set({ oneWayMs, silent: false })
  return link
}

test('the handshake costs a round trip, and so does an answer', async () => {
  const port = await serve((socket) => socket.pipe(socket))
  const connection = dial(linkOf(30), port)
  const startedMs = performance.now()
  await once(connection, 'connect')
  const connectedMs = performance.now()
  expect(connectedMs - startedMs).toBeGreaterThanOrEqual(60)
  connection.write('hello')
  await once(connection, 'data')
  expect(performance.now() - connectedMs).toBeGreaterThanOrEqual(60)
  connection.destroy()
})

test('a stream over a connection that was open before pays no handshake, and waits over a silent link', async () => {
  const port = await serve((socket) => socket.pipe(socket))
  const link = linkOf(3_600_000)
  const open = () => connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const connection = new DelayedDuplex(link, open, 'none')
  await once(connection, 'connect')
  connection.sever()
  link.set({ oneWayMs: 0, silent: true })
  const waiting = new DelayedDuplex(link, open, 'none')
  await sleep(50)
  expect(waiting.connecting).toBe(true)
  link.set({ oneWayMs: 0, silent: false })
  await once(waiting, 'connect')
  waiting.destroy()
})

test('pipelined writes arrive in order and pay the distance once', async () => {
  const received: string[] = []
  const port = await serve((socket) => socket.on('data', (chunk) => received.push(String(chunk))))
  const connection = dial(linkOf(20), port)
  const numbers = Array.from({ length: 500 }, (_, index) => `${index},`)
  for (const number of numbers) connection.write(number)
  connection.end()
  await once(connection, 'finish')
  const [socket] = sockets
  if (socket !== undefined && !socket.readableEnded) await once(socket, 'end')
  expect(received.join('')).toBe(numbers.join(''))
  connection.destroy()
})

test('order is kept when the distance shrinks while bytes are on the way', async () => {
  const link = linkOf(60)
  const port = await serve((socket) => void text(socket).then((all) => socket.end(all)))
  const connection = dial(link, port)
  await once(connection, 'connect')
  connection.write('first ')
  link.set({ oneWayMs: 0, silent: false })
  connection.end('second')
  expect(await text(connection)).toBe('first second')
})

test('what is sent after the other end has finished still arrives', async () => {
  const port = await serve((socket) => {
    socket.end('goodbye')
    void text(socket).then((rest) => heard.push(rest))
  })
  const heard: string[] = []
  const connection = dial(linkOf(5), port)
  expect(await text(connection)).toBe('goodbye')
  connection.end('still here')
  await expect.poll(() => heard).toEqual(['still here'])
})

test('a fast sender waits for a slow reader, and nothing is lost', async () => {
  const size = 24 * 1024 * 1024
  const port = await serve((socket) => socket.end(Buffer.alloc(size, 7)))
  const connection = dial(linkOf(1), port)
  await once(connection, 'connect')
  await sleep(100)
  const [socket] = sockets
  expect(socket?.writableLength).toBeGreaterThan(0)
  const all = await buffer(connection)
  expect(all.length).toBe(size)
  connection.destroy()
})

test('a large upload arrives whole', async () => {
  const size = 24 * 1024 * 1024
  const port = await serve(
    (socket) => void buffer(socket).then((all) => socket.end(String(all.length))),
  )
  const connection = dial(linkOf(1), port)
  connection.end(Buffer.alloc(size, 7))
  expect(await text(connection)).toBe(String(size))
})

test('a silent link delivers nothing, refuses nothing, and delivers all of it when it is healed', async () => {
  const link = linkOf(1)
  const port = await serve((socket) => socket.pipe(socket))
  const connection = dial(link, port)
  await once(connection, 'connect')
  link.set({ oneWayMs: 1, silent: true })
  let received = ''
  connection.on('data', (chunk) => {
    received += String(chunk)
  })
  connection.write('are you there?')
  await sleep(60)
  expect(received).toBe('')
  link.set({ oneWayMs: 1, silent: false })
  await expect.poll(() => received).toBe('are you there?')
  connection.destroy()
})

test('a dial over a silent link neither opens nor fails, and can be given up', async () => {
  const link = linkOf(1)
  link.set({ oneWayMs: 1, silent: true })
  const port = await serve(() => {})
  const connection = dial(link, port)
  await sleep(30)
  expect(connection.connecting).toBe(true)
  expect(sockets).toHaveLength(0)
  connection.destroy()
  await once(connection, 'close')
  link.set({ oneWayMs: 0, silent: false })
  await sleep(10)
  expect(sockets).toHaveLength(0)
})

test('a refused connection is an error, a round trip late', async () => {
  const port = await serve(() => {})
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const connection = dial(linkOf(20), port)
  const startedMs = performance.now()
  const [error] = await once(connection, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(40)
})

test('after a close, what was written before still arrives, then the close does', async () => {
  const heard: string[] = []
  const port = await serve((socket) => {
    socket.on('data', (chunk) => heard.push(String(chunk)))
    socket.on('end', () => heard.push('end'))
  })
  const connection = dial(linkOf(20), port)
  await once(connection, 'connect')
  connection.write('last words')
  connection.destroy()
  await expect.poll(() => heard).toEqual(['last words', 'end'])
})

test('severing ends both ends at once, over a silent link too', async () => {
  const link = linkOf(1)
  const port = await serve((socket) => socket.resume())
  const connection = dial(link, port)
  await once(connection, 'connect')
  await expect.poll(() => sockets.length).toBe(1)
  link.set({ oneWayMs: 1, silent: true })
  connection.sever()
  await expect.poll(() => sockets[0]?.readableEnded).toBe(true)
  expect(connection.destroyed).toBe(true)
})
