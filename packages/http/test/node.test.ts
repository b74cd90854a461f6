import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as http2 from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { ReplayRequired } from '@flyback/core'
import { currentScope, runInScope, runOutsideScope } from '@flyback/core/scope'
import express from 'express'
import express4 from 'express4'
import { describe, expect, test, vi } from 'vitest'
import { flyback as flybackForExpress } from '../src/express.js'
import { fly, flyback, withFlyback } from '../src/node.js'
import { REPLAY, refuse, scope } from './support/contract.js'
import { PRIMARY, REPLICA, SINGLE } from './support/environments.js'
import { startServer, type TestServer } from './support/node-server.js'

const tick = (ms = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const replica = { env: REPLICA }
/** A statement that is in flight when the response begins, and is refused a moment later. */
function pendingRefusal(): void {
  const own = scope()
  const forget = own.follow({ pending: true })
  setTimeout(() => {
    own.refuse('ewr', 'write')
    forget()
  }, 10)
}

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown
const serve = (handler: Handler, options = {}): ReturnType<typeof startServer> =>
  startServer(withFlyback(handler, { ...replica, ...options }))

describe('withFlyback', () => {
  test('a refusal nobody caught is replayed, thrown at once or later', async () => {
    await using server = await serve((req) => {
      if (req.url === '/sync') throw refuse()
      return tick().then(() => {
        throw new Error('orm', { cause: refuse() })
      })
    })
    expect((await server.send('/sync')).headers['fly-replay']).toBe(REPLAY)
    expect((await server.send('/async')).headers['fly-replay']).toBe(REPLAY)
  })

  test('a replayable refusal thrown out of sight of its scope is replayed', async () => {
    await using server = await serve(async () => {
      throw new ReplayRequired({ region: 'nrt', reason: 'known-write', replayable: true })
    })
    expect((await server.send('/')).headers['fly-replay']).toContain(
      'region=nrt;state=flyback.1.known-write',
    )
  })

  test('rule 20: a region that is no region name is never sent', async () => {
    await using server = await serve(async () => {
      throw new ReplayRequired({
        region: 'a;app=evil\r\nx: y',
        reason: 'write',
        replayable: true,
      })
    })
    expect((await server.send('/')).headers['fly-replay']).toBe(REPLAY)
  })

  test('any other error is thrown on, the same object, and so is a refusal after the response', async () => {
    const seen: unknown[] = []
    const listen = (error: unknown): void => void seen.push(error)
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listen)
    try {
      const other = new Error('other')
      await using server = await serve(async (req, res) => {
        res.end('sent')
        throw req.url === '/other' ? other : refuse()
      })
      await server.send('/other')
      await server.send('/too-late')
      await tick(5)
      expect(seen[0]).toBe(other)
      expect(seen[1]).toMatchObject({ reason: 'write', replayable: false })
    } finally {
      process.off('unhandledRejection', listen)
      for (const listener of before) process.on('unhandledRejection', listener)
    }
  })

  test('rule 5: a refusal nobody caught breaks off a response that has begun', async () => {
    await using server = await serve(async (_req, res) => {
      res.write('first')
      await tick(10)
      throw refuse()
    })
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'first', aborted: true })
  })
})

describe('a response that was replaced', () => {
  const handlers: Record<string, Handler> = {
    'writeHead and end': (_req, res) => {
      refuse()
      res.writeHead(200, 'Fine', { 'set-cookie': 'a=b' })
      res.end('body')
    },
    'setHeaders, status message and end': (_req, res) => {
      res.statusMessage = 'Fine'
      res.setHeader('set-cookie', ['a=b', 'c=d'])
      res.setHeader('transfer-encoding', 'chunked')
      res.setHeader('trailer', 'x')
      refuse()
      res.end('body')
    },
    'a length and several writes': (_req, res) => {
      refuse()
      res.setHeader('content-length', 6)
      res.write('abc')
      res.write('def')
      res.end()
    },
    'flushHeaders first': (_req, res) => {
      refuse()
      res.flushHeaders()
      res.end('body')
    },
    'writeHead, and never an end': (_req, res) => {
      refuse()
      res.writeHead(200)
    },
    'an end after headers that were only noted': (_req, res) => {
      res.setHeader('set-cookie', ['a=b', 'c=d'])
      res.writeHead(200, 'Fine', { 'x-own': '1', 'content-type': 'text/html' })
      refuse()
      res.end('body')
    },
    'a write after headers that were only noted': (_req, res) => {
      res.writeHead(204)
      refuse()
      res.write('body')
      res.end()
    },
    'the refusal of a write that nobody waits for': (_req, res) => {
      pendingRefusal()
      res.end('body')
    },
    'a refusal while the first of several writes is held': async (_req, res) => {
      pendingRefusal()
      res.write('abc')
      await tick(2)
      res.write('def')
      res.end()
    },
    'a refusal while flushed headers are held': (_req, res) => {
      pendingRefusal()
      res.setHeader('content-type', 'text/event-stream')
      res.flushHeaders()
    },
    'a stream piped in': (_req, res) => {
      refuse()
      Readable.from(Array.from({ length: 100 }, () => 'x'.repeat(10_000))).pipe(res)
    },
  }

  test.each(Object.entries(handlers))('by %s is the replay alone', async (_name, handler) => {
    await using server = await serve(handler)
    const { headers, ...reply } = await server.send('/')
    expect(reply).toEqual({ status: 409, statusText: 'Conflict', body: '', aborted: false })
    expect(Object.keys(headers).toSorted()).toEqual([
      'cache-control',
      'connection',
      'content-length',
      'date',
      'fly-replay',
    ])
  })

  test('keeps calling back, and lets its sources end', async () => {
    const done: string[] = []
    await using server = await serve(async (req, res) => {
      refuse()
      if (req.url !== '/') {
        const source = Readable.from(
          (async function* () {
            for (let index = 0; index < 5; index++) {
              yield 'x'.repeat(10_000)
              await tick(5)
            }
          })(),
        )
        source.on('end', () => done.push('source'))
        if (req.url === '/pipe') source.pipe(res)
        else pipeline(source, res).catch((error) => done.push(error.code))
        return
      }
      expect(res.write('a', () => done.push('write'))).toBe(true)
      expect(res.write('a', 'utf8', () => done.push('write'))).toBe(true)
      expect(res.end('b', () => done.push('end'))).toBe(res)
    })
    expect((await server.send('/')).status).toBe(409)
    expect(done).toEqual(['write', 'write', 'end'])
    done.length = 0
    expect((await server.send('/pipe')).status).toBe(409)
    await vi.waitFor(() => expect(done).toEqual(['source']))
    done.length = 0
    expect((await server.send('/pipeline')).status).toBe(409)
    // As for a client that has gone.
    await vi.waitFor(() => expect(done).toEqual(['ERR_STREAM_PREMATURE_CLOSE']))
  })

  test('is not disturbed by a middleware before it that writes later', async () => {
    const use = flyback(replica)
    let settled: Promise<unknown> | undefined
    await using server = await startServer((req, res) => {
      const { write, end } = res
      Reflect.set(res, 'end', () => {
        settled = (async () => {
          await tick()
          refuse()
          // Ours is ended within a few ticks, and closed a turn of the loop later.
          for (const chunk of 'abcdefgh') {
            Reflect.apply(write, res, [chunk])
            await new Promise<void>((resolve) => process.nextTick(resolve))
          }
          Reflect.apply(end, res, ['c'])
          await tick()
        })()
        return res
      })
      use(req, res, () => void res.end('abc'))
    })
    expect(await server.send('/')).toMatchObject({ status: 409, body: '', aborted: false })
    await settled
  })

  test('closes its connection when the app was not done', async () => {
    await using server = await serve((_req, res) => {
      refuse()
      res.write('x')
    })
    const socket = server.socket()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text).toMatch(/^HTTP\/1.1 409 Conflict\r\n.*connection: close\r\n/is)
  })

  test('leaves its connection usable when the app was done', async () => {
    await using server = await serve((_req, res) => {
      refuse()
      res.end('y')
    })
    const socket = server.socket()
    socket.write(
      'GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    )
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text.match(/HTTP\/1.1 409 Conflict\r\n/g)).toHaveLength(2)
    expect(text).not.toMatch(/[xy]$/)
  })

  test('takes the place of one that its failed source, or the app, destroys', async () => {
    await using server = await serve(async (req, res) => {
      const source = new Readable({
        read() {
          this.destroy(req.url === '/other' ? new Error('other') : refuse())
        },
      })
      if (req.url !== '/destroy') return pipeline(source, res).catch(() => res.destroy())
      refuse()
      expect(res.destroy().destroy()).toBe(res)
    })
    expect((await server.send('/pipeline')).headers['fly-replay']).toBe(REPLAY)
    expect((await server.send('/destroy')).headers['fly-replay']).toBe(REPLAY)
    await expect(server.send('/other')).rejects.toThrow('socket hang up')
  })

  test('can be destroyed when it is out', async () => {
    let destroyed: boolean | undefined
    await using server = await serve((_req, res) => {
      res.once('finish', () => {
        destroyed = res.destroy().destroyed
      })
      refuse()
      res.end()
    })
    expect((await server.send('/')).status).toBe(409)
    expect(destroyed).toBe(true)
  })

  test('survives an error after it, in Express 5', async () => {
    const app = express()
    app.use(flybackForExpress(replica))
    app.get('/', async (_req, res) => {
      const refusal = refuse()
      res.write('x')
      throw refusal
    })
    await using server = await startServer(app)
    expect(await server.send('/')).toMatchObject({ status: 409, body: '', aborted: false })
  })

  test('follows a refusal while its headers are noted', async () => {
    const use = flyback(replica)
    await using server = await startServer((req, res) => {
      const { writeHead } = res
      Reflect.set(res, 'writeHead', (...args: unknown[]) => {
        refuse()
        return Reflect.apply(writeHead, res, args)
      })
      use(req, res, () => {
        res.write('x')
        setTimeout(() => res.end(), 10)
      })
    })
    expect(await server.send('/')).toMatchObject({ status: 409, body: '', aborted: false })
  })

  test('follows a refusal in the middle of reading the body', async () => {
    await using server = await serve(
      async (req) => {
        for await (const chunk of req) if (chunk.length > 0) throw refuse()
      },
      { policy: 'attempt' },
    )
    const reply = await server.send('/', { method: 'POST', body: 'x'.repeat(200_000) })
    expect(reply).toMatchObject({ status: 409, body: '', aborted: false })
  })
})

describe('a response that begins while an answer is pending', () => {
  test('waits for it, and is then sent as it was written', async () => {
    const order: string[] = []
    await using server = await serve(async (_req, res) => {
      const pending = { pending: true }
      const forget = scope().follow(pending)
      setTimeout(() => {
        order.push('answered')
        forget()
      }, 20)
      res.writeHead(201, { 'x-own': '1' })
      res.write('a', () => order.push('a'))
      res.write(Buffer.from('b'), () => order.push('b'))
      expect(scope().replayable).toBe(true)
      await tick(5)
      expect(res.end('c', () => order.push('end'))).toBe(res)
    })
    const reply = await server.send('/')
    expect(reply).toMatchObject({ status: 201, body: 'abc', aborted: false })
    expect(reply.headers['x-own']).toBe('1')
    expect(order).toEqual(['answered', 'a', 'b', 'end'])
  })

  test('asks its source to wait when much is held, and to go on after that', async () => {
    const chunk = 'x'.repeat(40_000)
    const writes: boolean[] = []
    await using server = await serve(async (_req, res) => {
      const forget = scope().follow({ pending: true })
      setTimeout(forget, 20)
      for (let index = 0; index < 10; index++) {
        const goOn = res.write(chunk)
        writes.push(goOn)
        if (!goOn) await once(res, 'drain')
      }
      res.end()
    })
    expect((await server.send('/')).body.length).toBe(400_000)
    expect(writes.slice(0, 2)).toEqual([true, false])
  })

  test('waits no longer than a second', async () => {
    await using server = await serve((_req, res) => {
      scope().follow({ pending: true })
      res.end('late')
    })
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'late', aborted: false })
  })

  test('does not wait for rows that stream, nor in a request that forwards', async () => {
    await using server = await serve((req, res) => {
      const since = performance.now()
      if (req.url === '/forwards') {
        scope().forwardAll()
        scope().follow({ pending: true })
      } else scope().follow({ pending: false })
      res.write('x', () => res.end(performance.now() - since < 500 ? 'soon' : 'late'))
    })
    expect((await server.send('/streams')).body).toBe('xsoon')
    expect((await server.send('/forwards')).body).toBe('xsoon')
  })

  test('waits in the primary region where its token may come: after an unsafe method, or where a session is saved at its end', async () => {
    const since = new Map<string, number>()
    const handler: Handler = (req, res) => {
      const name = `${req.method} ${req.url}`
      const begun = performance.now()
      setTimeout(scope().follow({ pending: true }), 300)
      if (req.url === '/saves') {
        const { end } = res
        Reflect.set(res, 'end', (...args: unknown[]) => Reflect.apply(end, res, args))
      }
      res.write('x', () => {
        since.set(name, performance.now() - begun)
        res.end()
      })
    }
    await using server = await serve(handler, { env: PRIMARY })
    for (const [method, path] of [
      ['GET', '/'],
      ['POST', '/'],
      ['GET', '/saves'],
    ] as const) {
      expect((await server.send(path, { method })).body).toBe('x')
    }
    expect([...since].map(([name, ms]) => [name, ms >= 290])).toEqual([
      ['GET /', false],
      ['POST /', true],
      ['GET /saves', true],
    ])
  })

  test.each<[string, Handler]>([
    ['a number', (_req, res) => Reflect.apply(res.write, res, [42])],
    ['nothing', (_req, res) => Reflect.apply(res.write, res, [null])],
    ['a number after text', (_req, res) => res.write('a') && Reflect.apply(res.write, res, [42])],
    ['a number at the end', (_req, res) => Reflect.apply(res.end, res, [42])],
  ])('throws for what nobody can send at once, as Node does: %s', async (_name, handler) => {
    const thrown: unknown[] = []
    const listener: Handler = (req, res) => {
      try {
        handler(req, res)
      } catch (error) {
        thrown.push(Reflect.get(Object(error), 'code'))
        res.end('sorry')
      }
    }
    await using server = await serve((req, res) => {
      setTimeout(scope().follow({ pending: true }), 20)
      return listener(req, res)
    })
    await using without = await startServer(listener)
    const [{ body }, { body: expected }] = [await server.send('/'), await without.send('/')]
    expect([body, thrown[0]]).toEqual([expected, thrown[1]])
    expect(thrown[0]).toMatch(/^ERR_/)
  })

  test('is broken off when it cannot be sent after all', async () => {
    await using server = await serve((_req, res) => {
      res.strictContentLength = true
      res.setHeader('content-length', 2)
      res.write('too long')
      res.end()
    })
    await expect(server.send('/')).rejects.toThrow('socket hang up')
  })

  test.each<[string, (chunk: string, res: ServerResponse) => string, object]>([
    ['its length', (chunk) => `<${chunk}>`, { body: '<fine>', headers: { 'content-length': '6' } }],
    [
      'its headers',
      (chunk, res) => {
        res.setHeader('x-late', '1')
        return chunk
      },
      { body: 'fine', headers: { 'x-late': '1' } },
    ],
  ])('is what a middleware in front makes of it: %s', async (_name, change, expected) => {
    const use = flyback(replica)
    await using server = await startServer((req, res) => {
      const { end } = res
      Reflect.set(res, 'end', (chunk: string) => Reflect.apply(end, res, [change(chunk, res)]))
      use(req, res, () => {
        setTimeout(scope().follow({ pending: true }), 20)
        res.end('fine')
      })
    })
    expect(await server.send('/')).toMatchObject({ status: 200, aborted: false, ...expected })
  })

  test('keeps its connection when the server closes meanwhile', async () => {
    const server = createServer(
      withFlyback((_req, res) => {
        setTimeout(scope().follow({ pending: true }), 50)
        res.end('fine')
        setImmediate(() => server.close())
      }, replica),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    // A listening TCP server has an AddressInfo, never a string or null.
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    const [bytes] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
    expect(String(bytes)).toMatch(/\r\n\r\nfine$/)
    socket.destroy()
    await once(server, 'close')
  })

  describe('is replayed, though its error handler gives the connection up for the headers that seem sent', () => {
    const handle: Handler = async (req, res) => {
      const forget = scope().follow({ pending: true })
      if (req.url === '/end') res.end('x')
      else res.write('x')
      // From I/O, as answers of a database come: what follows runs before any timer does.
      await stat('.')
      forget()
      throw refuse()
    }

    test.each(['/end', '/write'])('in Express: %s', async (path) => {
      const app = express().use(flybackForExpress(replica))
      app.get(path, handle)
      await using server = await startServer(app)
      expect((await server.send(path)).headers['fly-replay']).toBe(REPLAY)
    })

    test.each(['/end', '/write'])('elsewhere: %s', async (path) => {
      const use = flyback(replica)
      await using server = await startServer((req, res) => {
        const giveUp = (): unknown => res.headersSent && req.socket.destroy()
        use(req, res, () => void Promise.resolve(handle(req, res)).catch(giveUp))
      })
      expect((await server.send(path)).headers['fly-replay']).toBe(REPLAY)
    })

    test('and is given up where nothing was refused', async () => {
      await using server = await serve((req, res) => {
        res.write('x')
        req.socket.destroy()
      })
      await expect(server.send('/')).rejects.toThrow('socket hang up')
    })
  })

  test('is forgotten when its client has gone', async () => {
    const closed = vi.fn()
    await using server = await serve((_req, res) => {
      res.on('close', closed).on('error', closed)
      setTimeout(scope().follow({ pending: true }), 30)
      res.write('x')
      res.end('y')
    })
    const socket = server.socket()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await tick(10)
    socket.destroy()
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
    await tick(50)
    expect(closed).toHaveBeenCalledExactlyOnceWith()
  })
})

describe('rule 5: a response breaks off when a refusal comes', () => {
  const native = Object.getPrototypeOf

  test.each([true, false])(
    'to a write that nobody waits for, before the end; else it ends as it was written: refused %s',
    async (isRefused) => {
      const ended: string[] = []
      await using server = await serve(async (_req, res) => {
        await new Promise((begun) => res.write('begun ', begun))
        const own = scope()
        const forget = own.follow({ pending: true })
        setTimeout(() => {
          ended.push('settled')
          if (isRefused) own.refuse('ewr', 'write')
          forget()
        }, 20)
        res.end('done', () => ended.push('ended'))
        expect(res.writableEnded).toBe(true)
      })
      const reply = await server.send('/')
      expect(reply).toMatchObject(
        isRefused ? { aborted: true } : { body: 'begun done', aborted: false },
      )
      await vi.waitFor(() => expect(ended).toEqual(['settled', 'ended']))
    },
  )

  test.each<[string, Handler]>([
    [
      'after headers that were sent past the hook',
      async (_req, res) => {
        Reflect.apply(native(res).writeHead, res, [200])
        Reflect.apply(native(res).write, res, ['x'])
        await tick(10)
        refuse()
        res.end()
      },
    ],
    [
      'after all of a body of known length but its last byte',
      async (_req, res) => {
        res.setHeader('content-length', 2)
        res.write('x')
        await tick(10)
        refuse()
        res.end('y')
      },
    ],
  ])('%s', async (_name, handler) => {
    await using server = await serve(handler)
    const outcome = await server.send('/').catch(() => ({ aborted: true }))
    expect(outcome.aborted).toBe(true)
  })

  const tooLate: Handler = async (_req, res) => {
    await new Promise((begun) => res.write('begun', begun))
    throw refuse()
  }

  test.each<[string, (handler: Handler) => Promise<TestServer>]>([
    [
      'node:http',
      (handler) => serve((req, res) => Promise.resolve(handler(req, res)).catch(() => res.end())),
    ],
    [
      'Express, whose end of the connection looks like the end of the body',
      (handler) => {
        const app = express().use(flybackForExpress(replica))
        app.set('env', 'test').get('/', handler)
        return startServer(app)
      },
    ],
  ])('also where a response ends with its connection: %s', async (_name, start) => {
    await using server = await start(tooLate)
    const socket = server.socket()
    socket.write('GET / HTTP/1.0\r\n\r\n')
    await expect(buffer(socket)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('other middleware', () => {
  type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void

  /** As express-session: saves in `end`, and sends after that. */
  const session =
    (save: () => Promise<void>): Middleware =>
    (_req, res, next) => {
      const end = res.end
      Reflect.set(res, 'end', (...args: unknown[]) => {
        void save()
          .catch(() => undefined)
          .then(() => Reflect.apply(end, res, args))
        return res
      })
      next()
    }

  /** As on-headers and compression: wraps the methods, and adds headers at the last moment. */
  const wrapping: Middleware = (_req, res, next) => {
    const { writeHead, write } = res
    Reflect.set(res, 'writeHead', (...args: unknown[]) => {
      res.setHeader('set-cookie', 'late=1')
      return Reflect.apply(writeHead, res, args)
    })
    Reflect.set(res, 'write', (...args: unknown[]) => Reflect.apply(write, res, args))
    next()
  }

  const stack =
    (...middlewares: Middleware[]) =>
    (handler: Handler): Handler =>
    (req, res) => {
      const run = (index: number): void => {
        const middleware = middlewares[index]
        if (middleware) middleware(req, res, () => run(index + 1))
        else handler(req, res)
      }
      run(0)
    }

  const saves = async (): Promise<void> => {
    await tick()
  }
  const refused = async (): Promise<void> => {
    await tick()
    throw refuse()
  }
  const own = flyback(replica)

  test.each([
    ['wrapping before', stack(wrapping, own)],
    ['wrapping after', stack(own, wrapping)],
    ['a session before', stack(session(saves), own)],
    ['a session after', stack(own, session(saves))],
    ['all around', stack(wrapping, session(saves), own, wrapping, session(saves))],
  ])('%s does not change a replay or an answer', async (_name, around) => {
    await using server = await startServer(
      around((req, res) => {
        if (req.url === '/refused') refuse()
        res.write('x')
        res.end('body')
      }),
    )
    const reply = await server.send('/refused')
    expect(reply).toMatchObject({ status: 409, body: '', aborted: false })
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect(await server.send('/')).toMatchObject({ status: 200, body: 'xbody', aborted: false })
  })

  test.each([
    ['before', stack(session(refused), own)],
    ['after', stack(own, session(refused))],
  ])('a session %s whose save is refused leads to a replay', async (_name, around) => {
    await using server = await startServer(around((_req, res) => void res.end('body')))
    expect(await server.send('/')).toMatchObject({ status: 409, body: '', aborted: false })
  })

  test.each([
    ['express 5', express],
    ['express 4', express4],
  ])('an error handler of the app has no say in a replay: %s', async (_name, create) => {
    const app = create()
    const answered: unknown[] = []
    app.use(flybackForExpress(replica))
    app.get('/', (_req, _res, next) => void tick().then(() => next(refuse())))
    app.get('/other', (_req, _res, next) => next(new Error('other')))
    const handle: express.ErrorRequestHandler = (error, _req, res, _next) => {
      answered.push(error)
      res.status(503).json({ sorry: true })
    }
    app.use(handle)
    await using server = await startServer(app)
    expect(await server.send('/')).toMatchObject({ status: 409, body: '' })
    expect(await server.send('/other')).toMatchObject({ status: 503, body: '{"sorry":true}' })
    expect(answered).toHaveLength(2)
  })

  test('mounted twice, the outer one decides', async () => {
    await using server = await startServer(
      stack(
        own,
        flyback({ ...replica, policy: 'forward' }),
      )((_req, res) => {
        const { state } = scope()
        res.end(state)
      }),
    )
    expect((await server.send('/')).body).toBe('open')
    expect((await server.send('/', { method: 'POST' })).status).toBe(409)
  })

  test('an app keeps its own fly-replay', async () => {
    await using server = await serve((_req, res) => {
      res.writeHead(200, { 'fly-replay': 'app=other' })
      res.end()
    })
    expect((await server.send('/')).headers['fly-replay']).toBe('app=other')
  })

  test('a mounted router is known by its full path', async () => {
    const app = express()
    const router = express.Router()
    router.use(
      flybackForExpress({ ...replica, routes: [{ path: '/api/items', policy: 'forward' }] }),
    )
    router.post('/items', (_req, res) => void res.send(scope().state))
    app.use('/api', router)
    await using server = await startServer(app)
    expect((await server.send('/api/items?q=1', { method: 'POST' })).body).toBe('forwarding')
  })

  test('a predicate sees the request of Express, and what it throws is an error of the app', async () => {
    const app = express()
    app.set('env', 'test')
    app.use(
      flybackForExpress({
        ...replica,
        routes: [
          {
            match: (req) => {
              if (req.query['fail'] !== undefined) throw new Error('predicate')
              return req.get('next-action') !== undefined
            },
            policy: 'forward',
          },
        ],
      }),
    )
    app.post('/', (_req, res) => void res.send(scope().state))
    await using server = await startServer(app)
    const headers = { 'next-action': '1' }
    expect((await server.send('/', { method: 'POST', headers })).body).toBe('forwarding')
    expect((await server.send('/', { method: 'POST' })).status).toBe(409)
    expect((await server.send('/?fail', { method: 'POST' })).status).toBe(500)
  })
})

describe('the scope', () => {
  test('rule 15: reaches the listeners of a request and a response', async () => {
    const seen: boolean[] = []
    await using server = await serve(
      (req, res) => {
        const own = scope()
        const look = (): void => void seen.push(currentScope() === own)
        runOutsideScope(() => {
          req.on('data', look).on('end', () => {
            look()
            res.end('x')
          })
          res.on('finish', look).on('close', look)
        })
      },
      { policy: 'attempt' },
    )
    await server.send('/', { method: 'POST', body: ['a', 'b'] })
    await tick(5)
    expect(seen.length).toBeGreaterThanOrEqual(4)
    expect(new Set(seen)).toEqual(new Set([true]))
  })

  test('rule 15: reaches the source of a response that is piped when the handler has returned', async () => {
    await using server = await serve((req, res) => {
      const own = scope()
      const source = Readable.from(
        (async function* () {
          for (let index = 0; index < 3; index++) {
            await tick()
            yield `${currentScope() === own} `
          }
        })(),
      )
      runOutsideScope(() => {
        if (req.url === '/pipe') setTimeout(() => source.pipe(res))
        else setTimeout(() => void pipeline(source, res))
      })
    })
    expect((await server.send('/pipe')).body).toBe('true true true ')
    expect((await server.send('/pipeline')).body).toBe('true true true ')
  })

  test('rule 15: reaches the listeners of a response whose client has gone', async () => {
    let seen: boolean | undefined
    await using server = await serve((_req, res) => {
      const own = scope()
      runOutsideScope(() =>
        res.on('close', () => {
          seen = currentScope() === own
        }),
      )
      res.write('x')
    })
    const socket = server.socket()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await vi.waitFor(() => expect(seen).toBe(true))
  })

  test.each([express, express4])('survives express.json() %#', async (create) => {
    const app = create()
    app.use(flybackForExpress({ ...replica, policy: 'attempt' }))
    app.use(create.json())
    app.post('/', (req, res) => void res.json([scope().state, req.body]))
    await using server = await startServer(app)
    const headers = { 'content-type': 'application/json' }
    for (const body of ['{"a":1}', ['{"a"', ':1}']]) {
      const reply = await server.send('/', { method: 'POST', headers, body })
      expect(reply.body).toBe('["open",{"a":1}]')
    }
  })

  test('ends with the response, and takes back checkouts only of a replay', async () => {
    const reclaim = vi.fn<(refusal: ReplayRequired) => void>()
    await using server = await serve((req, res) => {
      scope().remember({ pending: false, reclaim })
      if (req.url === '/refused') refuse()
      res.end('x')
    })
    await server.send('/')
    await tick(5)
    expect(reclaim).not.toHaveBeenCalled()
    await server.send('/refused')
    await tick(5)
    expect(reclaim).toHaveBeenCalledOnce()
  })

  test('rule 5: cannot be replayed once headers are out', async () => {
    const seen: boolean[] = []
    const note = (): void => void seen.push(scope().replayable)
    await using server = await serve((_req, res) => {
      note()
      res.writeHead(200)
      note()
      res.write('x', () => {
        note()
        res.end()
      })
    })
    await server.send('/')
    expect(seen).toEqual([true, true, false])
  })

  test('of a job that started the server is not the scope of its requests', async () => {
    const { Scope } = await import('@flyback/core')
    const job = new Scope({
      role: 'replica',
      primaryRegion: 'ewr',
      canReplay: false,
      forward: true,
    })
    await using server = await runInScope(job, () =>
      serve((_req, res) => {
        res.end(String(scope() === job))
      }),
    )
    expect((await server.send('/')).body).toBe('false')
  })
})

test('rule 21: role single leaves request and response as they are', async () => {
  let found: unknown
  const use = flyback({ env: SINGLE })
  await using server = await startServer((req, res) => {
    const before = [Object.keys(req), Object.keys(res)]
    use(req, res, () => {
      found = [before, [Object.keys(req), Object.keys(res)], currentScope()]
      res.end()
    })
  })
  await server.send('/', { method: 'POST' })
  const [before, after, inner] = found as unknown[] // assigned in the handler above
  expect(after).toEqual(before)
  expect(inner).toBeUndefined()
})

test('role primary leaves the methods of a response as they are when no token is carried', async () => {
  let same: boolean[] = []
  const use = flyback({ env: PRIMARY, token: false })
  await using server = await startServer((req, res) => {
    const { writeHead, write, end } = res
    use(req, res, () => {
      same = [res.writeHead === writeHead, res.write === write, res.end === end]
      res.end(scope().role)
    })
  })
  expect((await server.send('/')).body).toBe('primary')
  expect(same).toEqual([true, true, true])
})

describe('a body of unknown size', () => {
  const small = { platform: fly({ maxBodyBytes: 10 }), policy: 'attempt' }
  const head = 'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n'

  async function raw(server: TestServer, parts: string[]): Promise<string> {
    const socket = server.socket()
    for (const part of parts) {
      socket.write(part)
      await tick(10)
    }
    let text = ''
    for await (const chunk of socket) text += chunk
    return text
  }

  const readers: Record<string, (req: IncomingMessage) => Promise<string>> = {
    'for await': async (req) => {
      let text = ''
      for await (const chunk of req) text += chunk
      return text
    },
    data: async (req) => {
      let text = ''
      req.on('data', (chunk) => {
        text += chunk
      })
      await once(req, 'end')
      return text
    },
    readable: async (req) => {
      let text = ''
      req.on('readable', () => {
        for (let chunk = req.read(); chunk !== null; chunk = req.read()) text += chunk
      })
      await once(req, 'end')
      return text
    },
    'after a while': async (req) => {
      await tick(20)
      req.setEncoding('utf8')
      return (await req.toArray()).join('')
    },
  }

  test.each(
    Object.keys(readers).flatMap(
      (name) =>
        [
          [name, 'in one packet', [`${head}\r\n3\r\nabc\r\n0\r\n\r\n`], 'abc'],
          [
            name,
            'in several',
            [`${head}\r\n`, '3\r\nabc\r\n', '2\r\nde\r\n', '0\r\n\r\n'],
            'abcde',
          ],
          [name, 'empty, in one packet', [`${head}\r\n0\r\n\r\n`], ''],
          [name, 'empty, in several', [`${head}\r\n`, '0\r\n\r\n'], ''],
          [
            name,
            'over the limit',
            [`${head}\r\n8\r\nabcdefgh\r\n`, '8\r\nijklmnop\r\n', '1\r\nq\r\n', '0\r\n\r\n'],
            'abcdefghijklmnopq',
          ],
        ] as const,
    ),
  )('reaches a handler that reads by %s whole: %s', async (name, _how, parts, expected) => {
    await using server = await serve(async (req, res) => {
      const { state } = scope()
      const started = [
        req.readableFlowing,
        req.listenerCount('readable'),
        req.listenerCount('close'),
      ]
      expect(started).toEqual([null, 0, 0])
      res.end(`${state}:${await readers[name]?.(req)}!`)
    }, small)
    const text = await raw(server, [...parts])
    expect(text).toContain(`${expected.length > 10 ? 'forwarding' : 'open'}:${expected}!`)
  })

  test('is asked for when the client waits for 100 Continue', async () => {
    await using server = await serve(async (req, res) => {
      const text = (await req.toArray()).join('')
      res.end(`got ${text}!`)
    }, small)
    const text = await raw(server, [`${head}expect: 100-continue\r\n\r\n`, '3\r\nabc\r\n0\r\n\r\n'])
    expect(text).toMatch(/^HTTP\/1.1 100 Continue/)
    expect(text).toContain('got abc!')
  })

  test('that was read before Flyback is forwarded', async () => {
    const app = express()
    app.use(express.json())
    app.use(flybackForExpress(replica))
    app.post('/', (req, res) => void res.json([scope().state, req.body]))
    await using server = await startServer(app)
    const headers = { 'content-type': 'application/json' }
    const sent = { method: 'POST', headers, body: ['{"a"', ':1}'] }
    expect((await server.send('/', sent)).body).toBe('["forwarding",{"a":1}]')
  })

  test.each(['for await', 'readable'])(
    'that was read by %s before Flyback is forwarded',
    async (name) => {
      const use = flyback({ ...replica, policy: 'attempt' })
      await using server = await startServer(async (req, res) => {
        const text = await readers[name]?.(req)
        req.removeAllListeners('readable')
        await tick()
        use(req, res, () => void res.end(`${scope().state} ${text}`))
      })
      const reply = await server.send('/', { method: 'POST', body: ['ab', 'c'] })
      expect(reply.body).toBe('forwarding abc')
    },
  )

  test('whose client goes away runs no handler and leaves no listener', async () => {
    const handler = vi.fn<Handler>()
    let request: IncomingMessage | undefined
    const listener = withFlyback(handler, { ...replica, ...small, policy: 'attempt' })
    await using server = await startServer((req, res) => {
      request = req
      listener(req, res)
    })
    const socket = server.socket()
    socket.write(`${head}\r\n3\r\nabc\r\n`)
    await tick(20)
    expect(request?.listenerCount('readable')).toBe(1)
    socket.destroy()
    await tick(20)
    expect(handler).not.toHaveBeenCalled()
    expect([request?.listenerCount('readable'), request?.listenerCount('close')]).toEqual([0, 0])
  })

  test('over the limit is read no faster than the handler reads it', async () => {
    let buffered = 0
    await using server = await serve(async (req, res) => {
      await tick(50)
      buffered = req.readableLength
      let bytes = 0
      for await (const chunk of req) bytes += chunk.length
      res.end(`${bytes}`)
    }, small)
    const chunk = Buffer.alloc(64 * 1024)
    const body = Array.from({ length: 160 }, () => chunk)
    const reply = await server.send('/', { method: 'POST', body })
    expect(reply.body).toBe(String(160 * 64 * 1024))
    expect(buffered).toBeLessThan(1024 * 1024)
  })
})

test('HTTP/2 requests are replayed and served', async () => {
  const server = http2.createServer((req, res) => {
    // The compatibility API has the same methods; its types are its own.
    handler(req as unknown as IncomingMessage, res as unknown as ServerResponse)
  })
  const handler = withFlyback(async (req, res) => {
    if (req.url === '/refused') {
      res.setHeader('set-cookie', 'a=b')
      throw refuse()
    }
    res.end(scope().state)
  }, replica)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const client = http2.connect(`http://127.0.0.1:${port}`)
  const get = async (path: string): Promise<[unknown, string, unknown]> => {
    const stream = client.request({ ':path': path })
    const [headers] = await once(stream, 'response')
    let text = ''
    for await (const chunk of stream) text += chunk
    return [headers[':status'], text, headers['set-cookie']]
  }
  try {
    expect(await get('/')).toEqual([200, 'open', undefined])
    expect(await get('/refused')).toEqual([409, '', undefined])
  } finally {
    client.close()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('an upgrade goes past the middleware, to the listener of the app', async () => {
  const handler = vi.fn<Handler>()
  const server = createServer(withFlyback(handler, replica))
  server.on('upgrade', (_req, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  expect(text).toContain('hello')
  expect(handler).not.toHaveBeenCalled()
  await new Promise((resolve) => server.close(resolve))
})
