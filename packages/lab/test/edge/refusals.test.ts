import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createMachineTable, startEdge } from '../../src/edge/index.js'
import { send, sendRaw, startWorld } from './edge-world.js'

/** @see https://www.rfc-editor.org/rfc/rfc9112 (3.2 request target, 6.1 transfer coding, 6.3 message length) */
describe('the edge refuses, and reaches no machine for,', () => {
  it.each([
    [
      'an absolute-form target',
      'GET http://127.0.0.1:22/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
    ],
    ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n', 405],
    [
      'an asterisk that is no OPTIONS',
      'GET * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
    ],
    [
      'a length beside a transfer coding',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a transfer coding beside a length',
      'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody',
      400,
    ],
    [
      'a length that is no number',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +4\r\n\r\nbody',
      400,
    ],
    [
      'a transfer coding it does not know',
      'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
    [
      'a chunked body with a broken size',
      'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['no Host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n', 400],
    ['a space in a header name', 'GET / HTTP/1.1\r\nhost: x\r\nfly-region : ewr\r\n\r\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n', 400],
    [
      'a bare line feed in the framing',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\n\r\n\r\n',
      400,
    ],
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['a head over 16 KiB', `GET / HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'an expectation it cannot meet',
      'GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n',
      417,
    ],
  ])('%s', async (_, text, status) => {
    await using world = await startWorld({ one: { region: 'iad' } })
    expect(await sendRaw(world.edge.port, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    // A broken body is found out after its head has gone on; no machine gets a whole request.
    expect(world.seen).toEqual([])
    expect((await world.send()).status).toBe(200)
  })

  it('an address to listen on that is not loopback', async () => {
    const options = { region: 'iad', machines: createMachineTable() }
    await expect(startEdge({ ...options, host: '0.0.0.0' })).rejects.toThrow(RangeError)
  })
})

describe('the edge takes', () => {
  it('OPTIONS *', async () => {
    await using world = await startWorld({ one: { region: 'iad' } })
    expect((await world.send({ method: 'OPTIONS', path: '*' })).text).toBe('one')
    expect(world.seen[0]?.path).toBe('*')
  })

  it('a path that looks like a host as a path', async () => {
    await using world = await startWorld({ one: { region: 'iad' } })
    await world.send({ path: '//127.0.0.1:22/x' })
    expect(world.seen[0]?.path).toBe('//127.0.0.1:22/x')
  })

  it('one request after another on one connection, and each keeps its own headers', async () => {
    await using world = await startWorld({ one: { region: 'iad' } })
    const first = 'POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nx-n: 1\r\n\r\nhi'
    const second = 'GET /2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    const answers = await sendRaw(world.edge.port, first + second)
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
    expect(world.seen.map(({ path, headers }) => [path, headers['x-n']])).toEqual([
      ['/1', '1'],
      ['/2', undefined],
    ])
  })

  it('an expectation of 100-continue, which it meets itself', async () => {
    await using world = await startWorld({ one: { region: 'iad' } })
    const head =
      'POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\n'
    expect(await sendRaw(world.edge.port, `${head}hi`)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
    )
    expect(world.seen[0]?.headers).not.toHaveProperty('expect')
  })
})

describe('closing the edge', () => {
  it('cuts what is under way, and may be asked for twice', async () => {
    const stuck = () => undefined
    await using world = await startWorld({ one: { region: 'iad', answer: stuck } })
    const answer = send(world.edge.port).catch((error: unknown) => error)
    await expect.poll(() => world.seen.length).toBe(1)
    await Promise.all([world.edge.close(), world.edge.close()])
    expect(await answer).toBeInstanceOf(Error)
    await world.recorded(1)
    expect(world.records[0]).toMatchObject({ aborted: true })
  })

  it.each([
    [
      'a refused upgrade',
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    ],
    ['a refused CONNECT', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('does not wait for a client that stays after %s', async (_, text) => {
    await using world = await startWorld({})
    const socket = connect({ port: world.edge.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined).write(text)
    await once(socket, 'data')
    await world.edge.close()
    socket.destroy()
  })
})
