import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type FlybackOptions,
  findReplayRequired,
  httpProxy,
  type UpgradeListener,
  withFlybackUpgrade,
} from '../src/node.js'
import { REPLAY, refuse, scope } from './support/contract.js'
import { NO_PLATFORM, PRIMARY, REPLICA, SINGLE } from './support/environments.js'

const PATIENTLY = { timeout: 4000, interval: 10 }
const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'

interface UpgradeServer extends AsyncDisposable {
  readonly url: string
  /** Sends a request for an upgrade, and resolves to all that comes back until the connection closes. */
  ask(path: string, headers?: string, more?: string): Promise<string>
  connect(): Socket
}

async function serve(
  listener: UpgradeListener,
  options: FlybackOptions<IncomingMessage> = {},
): Promise<UpgradeServer> {
  const server = createServer((_req, res) => void res.end('no upgrade'))
  const sockets = new Set<Duplex>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', withFlybackUpgrade(listener, { env: REPLICA, ...options }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    url: `127.0.0.1:${port}`,
    connect: () => connect(port, '127.0.0.1'),
    async ask(path, headers = '', more = '') {
      const socket = connect(port, '127.0.0.1')
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n${headers}\r\n${more}`,
      )
      return await text(socket)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const REPLAYED = (reason: string): string =>
  `HTTP/1.1 409 Conflict\r\nfly-replay: ${REPLAY.replace('write', reason)}\r\ncache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`

/** Upgrades, says the state of its scope, and closes. */
const greet: UpgradeListener = (_req, socket) => {
  const { state, role } = currentScope() ?? {}
  socket.end(`${SWITCHING}${role} ${state}`)
}

describe('a request for an upgrade', () => {
  test('is attempted, replayed by a rule, or forwarded by a rule', async () => {
    const listener = vi.fn<UpgradeListener>(greet)
    await using server = await serve(listener, {
      routes: [
        { path: '/writes/*', policy: 'replay' },
        { match: (req) => req.headers['x-far'] === '1', policy: 'forward' },
      ],
    })
    expect(await server.ask('/writes/room')).toBe(REPLAYED('route'))
    expect(listener).not.toHaveBeenCalled()
    expect(await server.ask('/')).toBe(`${SWITCHING}replica open`)
    expect(await server.ask('/', 'x-far: 1\r\n')).toBe(`${SWITCHING}replica forwarding`)
  })

  test.each([
    ['primary', PRIMARY, 'primary open'],
    ['single', SINGLE, 'undefined undefined'],
  ])('rule 3: is never replayed in role %s', async (_role, env, state) => {
    await using server = await serve(greet, { env, routes: [{ policy: 'replay' }] })
    expect(await server.ask('/')).toBe(`${SWITCHING}${state}`)
  })

  test('rule 2: that was replayed before is forwarded, or refused by option', async () => {
    const src = 'fly-replay-src: state=flyback.1.write\r\n'
    await using server = await serve(greet)
    expect(await server.ask('/', src)).toBe(`${SWITCHING}replica forwarding`)
    await using strict = await serve(greet, { whenNotReplayable: 'fail' })
    expect(await strict.ask('/', src)).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\nretry-after: 1\r\n.*\r\n\r\nThis region/s,
    )
  })

  test.each([
    ['httpProxy', { platform: httpProxy({ url: 'http://127.0.0.1:9' }) }],
    ['no platform', { env: NO_PLATFORM, platform: false }],
  ] as const)(
    'with %s stays here, and is forwarded where it would be replayed',
    async (_name, options) => {
      const routes = [{ path: '/writes', policy: 'replay' }] as const
      const staying: UpgradeListener = (req, socket, head) => {
        expect(scope().staysHere).toBe(true)
        return greet(req, socket, head)
      }
      await using server = await serve(staying, { ...options, routes })
      expect(await server.ask('/')).toBe(`${SWITCHING}replica open`)
      expect(await server.ask('/writes')).toBe(`${SWITCHING}replica forwarding`)
    },
  )

  test('rule 20: hostile headers and targets reach no answer', async () => {
    await using server = await serve(() => {
      throw refuse()
    })
    const hostile =
      'fly-replay-src: region=evil;state=evil\r\nfly-region: evil\r\nsec-websocket-protocol: evil\r\n'
    expect(await server.ask('/?region=evil', hostile)).toBe(REPLAYED('write'))
  })
})

describe('a refusal before the first bytes', () => {
  const refusing: Record<string, UpgradeListener> = {
    'thrown at once': () => {
      throw refuse()
    },
    'thrown later': async () => {
      await tick()
      throw new Error('orm', { cause: refuse() })
    },
    'thrown out of sight of its scope': async () => {
      throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
    },
    'swallowed before an upgrade': async (req, socket, head) => {
      await tick()
      refuse()
      greet(req, socket, head)
    },
    'swallowed before a rejection': async (_req, socket) => {
      refuse()
      await tick()
      socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n')
      socket.destroy()
    },
    'swallowed before the socket is given up': async (_req, socket) => {
      refuse()
      await tick()
      socket.destroy()
    },
    'swallowed before nothing': async () => {
      await tick()
      refuse()
    },
  }

  test.each(Object.entries(refusing))('%s is replayed', async (_name, listener) => {
    await using server = await serve(listener)
    expect(await server.ask('/')).toBe(REPLAYED('write'))
  })

  test('takes what the listener writes afterwards, and calls it back', async () => {
    const done: unknown[] = []
    await using server = await serve((_req, socket) => {
      refuse()
      expect(socket.write('a', () => done.push('write'))).toBe(true)
      expect(socket.end('b', () => done.push('end'))).toBe(socket)
      expect(socket.destroy()).toBe(socket)
    })
    expect(await server.ask('/')).toBe(REPLAYED('write'))
    expect(done).toEqual(['write', 'end'])
  })

  test('takes back what the listener has checked out', async () => {
    const reclaim = vi.fn<() => void>()
    await using server = await serve(() => {
      scope().remember({ pending: false, reclaim })
      throw refuse()
    })
    expect(await server.ask('/')).toBe(REPLAYED('write'))
    expect(reclaim).toHaveBeenCalledOnce()
  })

  test('of a client that has gone is no error', async () => {
    let late: Promise<void> | undefined
    await using server = await serve((_req, socket) => {
      const closed = new Promise((resolve) => socket.on('close', resolve))
      late = closed.then(async () => {
        refuse()
        socket.write('a')
        await tick(5)
      })
      return late
    })
    const socket = server.connect()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
    await vi.waitFor(() => expect(late).toBeDefined(), PATIENTLY)
    socket.resetAndDestroy()
    await late
  })
})

describe('after the first bytes', () => {
  test('rule 5: nothing is replayed, a refusal says so, and the connection is the app’s', async () => {
    const seen: unknown[] = []
    await using server = await serve(async (_req, socket) => {
      socket.write(`${SWITCHING}hello`)
      await tick()
      seen.push(refuse())
      socket.end(' world')
    })
    expect(await server.ask('/')).toBe(`${SWITCHING}hello world`)
    expect(seen).toMatchObject([{ replayable: false }])
  })

  test('any other error is the app’s own, the same object, before and after', async () => {
    const seen: unknown[] = []
    const listen = (error: unknown): void => void seen.push(error)
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listen)
    try {
      const other = new Error('other')
      await using server = await serve(async (req, socket) => {
        if (req.url === '/after') socket.write(SWITCHING)
        setTimeout(() => socket.destroy(), 5)
        throw req.url === '/after' ? refuse() : other
      })
      expect(await server.ask('/')).toBe('')
      expect(await server.ask('/after')).toBe(SWITCHING)
      expect(seen[0]).toBe(other)
      expect(findReplayRequired(seen[1])?.replayable).toBe(false)
    } finally {
      process.off('unhandledRejection', listen)
      for (const listener of before) process.on('unhandledRejection', listener)
    }
  })

  test('rule 15: no message is in a scope, not even one that came with the handshake', async () => {
    const during: unknown[] = []
    const after: unknown[] = []
    await using server = await serve(async (_req, socket, head) => {
      const own = scope()
      socket.on('pause', () => during.push(currentScope() === own))
      socket.pause()
      await tick()
      socket.on('data', (chunk: Buffer) => {
        after.push([chunk.toString(), currentScope()])
        if (chunk.includes('end')) socket.end()
      })
      if (head.length > 0) socket.unshift(head)
      socket.write(SWITCHING)
      socket.resume()
    })
    const socket = server.connect()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nfirst')
    await once(socket, 'data')
    socket.write('end')
    await once(socket, 'close')
    expect(during).toEqual([true])
    expect(after).toEqual([
      ['first', undefined],
      ['end', undefined],
    ])
  })
})

describe('ws', () => {
  /** A WebSocket server that asks `authenticate` first, and echoes with the scope that a message sees. */
  function webSockets(authenticate: (req: IncomingMessage) => Promise<void>): UpgradeListener {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })
    sockets.on('connection', (connection) => {
      connection.on('message', (message) => {
        // ws gives a Buffer unless it is told otherwise.
        connection.send(`${(message as Buffer).toString()} ${currentScope()?.state}`)
      })
      connection.send('welcome')
    })
    return async (req, socket, head) => {
      await authenticate(req)
      sockets.handleUpgrade(req, socket, head, (connection) =>
        sockets.emit('connection', connection, req),
      )
    }
  }

  const refuseSome = async (req: IncomingMessage): Promise<void> => {
    await tick()
    if (req.url === '/refused') throw refuse()
  }

  test('upgrades, and every message is on its own', async () => {
    await using server = await serve(webSockets(refuseSome))
    const client = new WebSocket(`ws://${server.url}/`)
    const received: string[] = []
    client.on('message', (message) => received.push((message as Buffer).toString()))
    await once(client, 'open')
    client.send('a')
    client.send('b')
    await vi.waitFor(
      () => expect(received).toEqual(['welcome', 'a undefined', 'b undefined']),
      PATIENTLY,
    )
    client.close()
    await once(client, 'close')
  })

  test('a refused handshake is answered with a replay', async () => {
    await using server = await serve(webSockets(refuseSome))
    const client = new WebSocket(`ws://${server.url}/refused`)
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage]
    expect([response.statusCode, response.headers['fly-replay']]).toEqual([409, REPLAY])
    client.on('error', () => undefined).terminate()
  })

  test('a handshake that ws itself rejects keeps its answer', async () => {
    await using server = await serve(webSockets(refuseSome))
    expect(await server.ask('/')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  })
})
