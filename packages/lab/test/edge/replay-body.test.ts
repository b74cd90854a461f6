import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { describe, expect, it } from 'vitest'
import { readAll, replayTo, sendRaw, startWorld } from './edge-world.js'

const mebibyte = 1_048_576
const places = {
  replica: { region: 'iad', answer: replayTo('region=ewr') },
  primary: { region: 'ewr' },
}

/** @see docs/lab-edge-rules.md (PA01); https://fly.io/docs/monitoring/error-codes/ */
describe('the body of a replayed request', () => {
  it.each([0, 1, 1000, 65_536, 300_000, mebibyte])(
    'arrives byte for byte: %i bytes',
    async (size) => {
      await using world = await startWorld(places)
      const body = randomBytes(size)
      const answer = await world.send({
        method: 'POST',
        body,
        headers: { 'content-length': String(size) },
      })
      expect(answer.text).toBe('primary')
      expect(world.seen[1]?.body.equals(body)).toBe(true)
      expect(world.seen[1]?.headers['content-length']).toBe(String(size))
    },
  )

  it('arrives byte for byte when it is chunked, up to the limit', async () => {
    await using world = await startWorld(places)
    const body = randomBytes(mebibyte)
    expect((await world.send({ method: 'POST', body, chunked: true })).text).toBe('primary')
    expect(world.seen[1]?.body.equals(body)).toBe(true)
    expect(world.seen[1]?.headers['transfer-encoding']).toBe('chunked')
  })

  it.each([
    ['with a length', false],
    ['chunked', true],
  ])('over the limit is PA01 and reaches no second machine: %s', async (_, chunked) => {
    await using world = await startWorld(places)
    const body = randomBytes(mebibyte + 1)
    const answer = await world.send({
      method: 'POST',
      body,
      chunked,
      headers: chunked ? {} : { 'content-length': String(body.length) },
    })
    expect(answer).toMatchObject({ status: 502, headers: { 'lab-edge-error': 'PA01' } })
    expect(world.seen.map(({ machine }) => machine)).toEqual(['replica'])
  })

  it('over the limit passes whole when the machine does not replay it', async () => {
    await using world = await startWorld({ only: { region: 'iad' } })
    const body = randomBytes(3 * mebibyte)
    expect((await world.send({ method: 'POST', body, chunked: true })).text).toBe('only')
    expect(world.seen[0]?.body.equals(body)).toBe(true)
  })

  // The machine decides on the head alone; rig.md section 7.
  it.each([
    ['within the limit', 500_000, 200],
    ['over the limit', 8 * mebibyte, 502],
  ])('is still read when the machine answers before reading it: %s', async (_, size, status) => {
    await using world = await startWorld({
      replica: {
        region: 'iad',
        early: (_request, response) => {
          response.writeHead(409, { 'fly-replay': 'region=ewr' }).end()
          return true
        },
      },
      primary: { region: 'ewr' },
    })
    const body = randomBytes(size)
    const answer = await world.send({ method: 'PUT', body, chunked: true })
    expect(answer.status).toBe(status)
    if (status === 200) expect(world.seen[0]?.body.equals(body)).toBe(true)
    else expect(world.seen).toEqual([])
  })

  it('declared over the limit is PA01 before it has been sent', async () => {
    await using world = await startWorld({
      replica: {
        region: 'iad',
        early: (_request, response) => {
          response.writeHead(409, { 'fly-replay': 'region=ewr' }).end()
          return true
        },
      },
      primary: { region: 'ewr' },
    })
    const headers = { 'content-length': String(mebibyte + 1) }
    const request = httpRequest({ port: world.edge.port, method: 'POST', headers, agent: false })
    request.on('error', () => undefined).flushHeaders()
    const [response] = await once(request, 'response')
    expect(response.headers).toMatchObject({ 'lab-edge-error': 'PA01', connection: 'close' })
    request.destroy()
  })

  // rig.md section 7: else the next request on a kept connection gets ECONNRESET.
  it('refused half-way closes the connection, so that the next request gets a new one', async () => {
    await using world = await startWorld(places)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const body = randomBytes(8 * mebibyte)
    for (const expected of [502, 200]) {
      const options = { port: world.edge.port, method: expected === 502 ? 'POST' : 'GET', agent }
      const request = httpRequest(options).on('error', () => undefined)
      request.end(expected === 502 ? body : undefined)
      const [response] = await once(request, 'response')
      expect(response.statusCode).toBe(expected)
      await readAll(response)
      request.destroy()
    }
    agent.destroy()
  })

  it('refused half-way closes the connection of a client that goes on, after it could read the answer', async () => {
    await using world = await startWorld({
      replica: {
        region: 'iad',
        early: (_request, response) => {
          response.writeHead(409, { 'fly-replay': 'region=ewr' }).end()
          return true
        },
      },
      primary: { region: 'ewr' },
    })
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 * mebibyte}\r\n\r\n`
    // Resolves when the edge has closed.
    const answer = await sendRaw(world.edge.port, `${head}and then nothing`)
    expect(answer).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*connection: close[\s\S]*PA01: replay buffer exceeded\n$/,
    )
  })

  it('left unread by a machine does not block the next request on the connection', async () => {
    await using world = await startWorld({
      only: {
        region: 'iad',
        early: (_request, response) => {
          response.writeHead(413, { 'content-length': '0' }).end()
          return true
        },
      },
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (const _ of [1, 2]) {
      const request = httpRequest({ port: world.edge.port, method: 'POST', agent })
      request.end(randomBytes(2 * mebibyte))
      const [response] = await once(request, 'response')
      expect(response.statusCode).toBe(413)
      await readAll(response)
    }
    agent.destroy()
  })

  // The framing would otherwise be lost: Node sends no chunks for these methods unless told to.
  it('of a GET without a length keeps its frame', async () => {
    await using world = await startWorld(places)
    expect((await world.send({ method: 'GET', body: 'query', chunked: true })).text).toBe('primary')
    expect(world.seen[1]?.body.toString()).toBe('query')
  })
})
