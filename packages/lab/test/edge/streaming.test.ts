import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { deferred, readAll, startWorld } from './edge-world.js'

function held(): {
  answer: (seen: unknown, request: unknown, response: ServerResponse) => undefined
  response: Promise<ServerResponse>
} {
  const { promise, resolve } = deferred<ServerResponse>()
  return {
    response: promise,
    answer: (_seen, _request, response) => {
      resolve(response)
      return undefined
    },
  }
}

describe('an answer', () => {
  it('reaches the client piece by piece, as server-sent events do', async () => {
    const app = held()
    await using world = await startWorld({ one: { region: 'iad', answer: app.answer } })
    const request = httpRequest({ port: world.edge.port, agent: false }).end()
    const source = await app.response
    source.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const [response] = await once(request, 'response')
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      source.write(event)
      const [chunk] = await once(response, 'data')
      expect(String(chunk)).toBe(event)
    }
    source.end()
    await once(response, 'end')
  })

  it('is held back at the machine while the client does not read', async () => {
    const app = held()
    await using world = await startWorld({ one: { region: 'iad', answer: app.answer } })
    const request = httpRequest({ port: world.edge.port, agent: false }).end()
    const source = await app.response
    const total = 64
    const piece = Buffer.alloc(1_048_576)
    let written = 0
    const fill = (): void => {
      while (written < total) {
        written += 1
        if (!source.write(piece)) {
          source.once('drain', fill)
          return
        }
      }
      source.end()
    }
    fill()
    const [response] = await once(request, 'response')
    // Several quiet looks in a row: nothing moves any more although the client is still there.
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(written).toBeLessThan(total)
    expect((await readAll(response)).length).toBe(total * piece.length)
  })

  it('that breaks off at the machine breaks off at the client too', async () => {
    const app = held()
    await using world = await startWorld({ one: { region: 'iad', answer: app.answer } })
    const request = httpRequest({ port: world.edge.port, agent: false }).end()
    const source = await app.response
    source.write('half')
    const [response] = await once(request, 'response')
    const failed = once(response, 'error')
    response.resume()
    source.destroy()
    expect(String(await failed)).toContain('aborted')
    await world.recorded(1)
    expect(world.records[0]).toMatchObject({ status: 200, aborted: true })
  })

  it.each([204, 304])('without a body passes: %i', async (status) => {
    await using world = await startWorld({
      one: { region: 'iad', answer: () => ({ status, headers: { etag: 'e' } }) },
    })
    expect(await world.send()).toMatchObject({ status, text: '', headers: { etag: 'e' } })
  })

  it('to HEAD keeps the length it would have had', async () => {
    await using world = await startWorld({
      one: { region: 'iad', answer: () => ({ headers: { 'content-length': '1234' } }) },
    })
    expect(await world.send({ method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '1234' },
    })
  })

  it('keeps its reason phrase', async () => {
    const early = (_: unknown, response: ServerResponse): boolean => {
      response.writeHead(299, 'Mostly Fine').end()
      return true
    }
    await using world = await startWorld({ one: { region: 'iad', early } })
    const request = httpRequest({ port: world.edge.port, agent: false }).end()
    const [response] = await once(request, 'response')
    expect(response).toMatchObject({ statusCode: 299, statusMessage: 'Mostly Fine' })
    response.resume()
  })

  it('may begin before the request has ended', async () => {
    await using world = await startWorld({
      echo: {
        region: 'iad',
        early: (request, response) => {
          response.flushHeaders()
          request.pipe(response)
          return true
        },
      },
    })
    const request = httpRequest({ port: world.edge.port, method: 'POST', agent: false })
    request.flushHeaders()
    const [response] = await once(request, 'response')
    for (const text of ['one', 'two']) {
      request.write(text)
      const [chunk] = await once(response, 'data')
      expect(String(chunk)).toBe(text)
    }
    request.end()
    await once(response.resume(), 'end')
  })
})

describe('a request body', () => {
  it('is held back at the client while the machine does not read', async () => {
    const arrived = deferred<IncomingMessage>()
    await using world = await startWorld({
      one: {
        region: 'iad',
        early: (request, response) => {
          arrived.resolve(request)
          request.once('end', () => response.end())
          return true
        },
      },
    })
    const request = httpRequest({ port: world.edge.port, method: 'POST', agent: false })
    const total = 64
    const piece = Buffer.alloc(1_048_576)
    let written = 0
    const fill = (): void => {
      while (written < total) {
        written += 1
        if (!request.write(piece)) {
          request.once('drain', fill)
          return
        }
      }
      request.end()
    }
    fill()
    const received = await arrived.promise
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(written).toBeLessThan(total)
    received.resume()
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
    await world.recorded(1)
    expect(world.records[0]?.requestBytes).toBe(total * piece.length)
  })
})

describe('a client that leaves', () => {
  it('while the machine works: the machine sees it go', async () => {
    const app = held()
    await using world = await startWorld({ one: { region: 'iad', answer: app.answer } })
    const request = httpRequest({ port: world.edge.port, agent: false }).on(
      'error',
      () => undefined,
    )
    request.end()
    const gone = once(await app.response, 'close')
    request.destroy()
    await gone
    await world.recorded(1)
    expect(world.records[0]).toMatchObject({ aborted: true })
    expect(world.records[0]).not.toHaveProperty('status')
  })

  it('in the middle of its body: the machine gets no whole request, and nothing is replayed', async () => {
    const arrived = deferred<IncomingMessage>()
    await using world = await startWorld({
      replica: {
        region: 'iad',
        early: (request) => {
          arrived.resolve(request.on('error', () => undefined))
          return true
        },
      },
      primary: { region: 'ewr' },
    })
    const options = {
      port: world.edge.port,
      method: 'POST',
      agent: false,
      headers: { 'content-length': '100' },
    }
    const request = httpRequest(options).on('error', () => undefined)
    request.write('half')
    const received = await arrived.promise
    const closed = new Promise((resolve) => received.once('close', resolve))
    request.destroy()
    await closed
    expect(received.complete).toBe(false)
    await world.recorded(1)
    expect(world.seen).toEqual([])
    expect(world.records[0]).toMatchObject({ aborted: true })
  })

  it('while no machine can be reached: the edge stops trying', async () => {
    let dials = 0
    await using world = await startWorld(
      {},
      {
        switches: { retries: 1e9, retryDelayMs: 1 },
        dial: () => {
          dials += 1
          throw new Error('no way')
        },
      },
    )
    world.machines.add({ id: 'gone', region: 'iad', host: '127.0.0.1', port: 1 })
    const request = httpRequest({ port: world.edge.port, agent: false }).on(
      'error',
      () => undefined,
    )
    request.end()
    await expect.poll(() => dials).toBeGreaterThan(3)
    request.destroy()
    await world.recorded(1)
    const after = dials
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(dials).toBe(after)
  })
})
