import { describe, expect, it } from 'vitest'
import { startWorld } from './edge-world.js'

const one = { one: { region: 'ewr' } }

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/request-headers/ */
describe('the headers of a request', () => {
  it('tell the app about the client and the edge', async () => {
    await using world = await startWorld(one)
    const { headers: answered } = await world.send({ headers: { host: 'shop.example' } })
    const port = String(world.edge.port)
    expect(world.seen[0]?.headers).toMatchObject({
      host: 'shop.example',
      'fly-client-ip': '127.0.0.1',
      'fly-region': 'iad',
      'fly-forwarded-port': port,
      'x-forwarded-for': '127.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': port,
      'x-forwarded-ssl': 'off',
      via: '1.1 fly.io',
    })
    expect(world.seen[0]?.headers['fly-request-id']).toMatch(/^[0-9A-F]{26}-iad$/)
    expect(answered['fly-request-id']).toBe(world.seen[0]?.headers['fly-request-id'])
  })

  // "Fly-Region: edge region of the client, not the Machine's"
  it('keep the region of the edge and the id of the request through a replay', async () => {
    await using world = await startWorld({
      near: { region: 'iad', answer: () => ({ headers: { 'fly-replay': 'region=ewr' } }) },
      ...one,
    })
    await world.send()
    expect(world.seen.map(({ headers }) => headers['fly-region'])).toEqual(['iad', 'iad'])
    expect(new Set(world.seen.map(({ headers }) => headers['fly-request-id'])).size).toBe(1)
  })

  it('say https when the edge stands for one with TLS', async () => {
    await using world = await startWorld(one, { protocol: 'https' })
    await world.send()
    expect(world.seen[0]?.headers).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-ssl': 'on',
    })
  })

  it("are the edge's own where a client forged them, and grow where lists are documented", async () => {
    await using world = await startWorld(one)
    await world.send({
      headers: {
        'fly-client-ip': '9.9.9.9',
        'fly-region': 'syd',
        'fly-forwarded-port': '1',
        'fly-request-id': 'mine',
        'x-forwarded-proto': 'gopher',
        'x-forwarded-ssl': 'maybe',
        'x-forwarded-for': '8.8.8.8',
        'x-forwarded-port': '8443',
        via: '1.0 home',
      },
    })
    const seen = world.seen[0]?.headers ?? {}
    expect(seen).toMatchObject({
      'fly-client-ip': '127.0.0.1',
      'fly-region': 'iad',
      'fly-forwarded-port': String(world.edge.port),
      'x-forwarded-proto': 'http',
      'x-forwarded-ssl': 'off',
      'x-forwarded-for': '8.8.8.8, 127.0.0.1, 127.0.0.1',
      // "may be set by the client"
      'x-forwarded-port': '8443',
      via: '1.0 home, 1.1 fly.io',
    })
    expect(seen['fly-request-id']).not.toContain('mine')
  })

  // RFC 9110 7.6.1
  it('that belong to the connection stay there, with those that Connection names', async () => {
    await using world = await startWorld(one)
    await world.send({
      headers: {
        connection: 'keep-alive, x-private, host, content-length',
        'keep-alive': 'timeout=9',
        'proxy-authorization': 'Basic x',
        'proxy-connection': 'keep-alive',
        te: 'trailers',
        'x-private': '1',
        'x-public': '2',
        host: 'shop.example',
      },
    })
    const seen = world.seen[0]?.headers ?? {}
    for (const name of [
      'keep-alive',
      'proxy-authorization',
      'proxy-connection',
      'te',
      'x-private',
    ]) {
      expect(seen).not.toHaveProperty(name)
    }
    expect(seen).toMatchObject({ 'x-public': '2', host: 'shop.example' })
  })

  it('do not let a client take away what the edge adds', async () => {
    await using world = await startWorld(one)
    await world.send({
      headers: { connection: 'close, fly-client-ip, x-forwarded-for, fly-region' },
    })
    expect(world.seen[0]?.headers).toMatchObject({
      'fly-client-ip': '127.0.0.1',
      'fly-region': 'iad',
    })
  })

  it('keep several values of one name apart', async () => {
    await using world = await startWorld(one)
    await world.send({ headers: { cookie: ['a=1', 'b=2'], 'x-many': ['1', '2'] } })
    expect(world.seen[0]?.headers).toMatchObject({ cookie: 'a=1; b=2', 'x-many': '1, 2' })
  })
})

describe('the headers of an answer', () => {
  it('pass, without those of the connection', async () => {
    const headers = {
      connection: 'x-private',
      'x-private': '1',
      'x-public': '2',
      'set-cookie': ['a=1', 'b=2'],
      'keep-alive': 'timeout=99',
      'proxy-authenticate': 'Basic',
    }
    await using world = await startWorld({ one: { region: 'iad', answer: () => ({ headers }) } })
    const answer = (await world.send()).headers
    expect(answer).toMatchObject({
      'x-public': '2',
      'set-cookie': ['a=1', 'b=2'],
      via: '1.1 fly.io',
    })
    expect(answer).not.toHaveProperty('x-private')
    expect(answer).not.toHaveProperty('proxy-authenticate')
    expect(answer['keep-alive']).not.toBe('timeout=99')
  })

  it('have no Fly-Request-Id on a pristine edge', async () => {
    await using world = await startWorld(one, { pristine: true })
    expect((await world.send()).headers).not.toHaveProperty('fly-request-id')
    expect(world.seen[0]?.headers).toHaveProperty('fly-request-id')
  })
})
