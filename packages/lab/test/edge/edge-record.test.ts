import { describe, expect, it, vi } from 'vitest'
import { replayTo, startWorld } from './edge-world.js'

describe('the record of a request', () => {
  it('tells every hop, the end, and the bytes', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region="ewr,any";state=v1') },
      primary: { region: 'ewr', answer: () => ({ status: 201, body: 'made' }) },
    })
    const { headers } = await world.send({ method: 'POST', path: '/posts?secret=1', body: 'title' })
    await world.recorded(1)
    expect(world.records).toEqual([
      {
        id: headers['fly-request-id'],
        method: 'POST',
        path: '/posts',
        region: 'iad',
        status: 201,
        aborted: false,
        durationMs: expect.any(Number),
        requestBytes: 5,
        responseBytes: 4,
        hops: [
          {
            machine: 'replica',
            region: 'iad',
            status: 409,
            replay: { to: 'region=ewr,any', state: 'v1' },
            durationMs: expect.any(Number),
          },
          {
            machine: 'primary',
            region: 'ewr',
            status: 201,
            cache: 'miss',
            durationMs: expect.any(Number),
          },
        ],
      },
    ])
  })

  it('names the error of the edge and the hop that failed', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=syd;fallback=force_self') },
    })
    await world.send()
    await world.send({ headers: { 'fly-force-region': 'syd' } })
    await world.recorded(2)
    expect(world.records[0]).toMatchObject({
      status: 200,
      hops: [
        { machine: 'replica' },
        { unreached: 'no_candidate', cache: 'miss' },
        { machine: 'replica', fallback: true },
      ],
    })
    expect(world.records[1]).toMatchObject({
      status: 503,
      error: 'PR04',
      hops: [{ unreached: 'no_candidate' }],
    })
  })

  it('holds no query, header, cookie or body', async () => {
    const secret = 'hunter2'
    await using world = await startWorld({
      replica: {
        region: 'iad',
        answer: replayTo('region=ewr', {
          headers: { 'set-cookie': secret, 'x-a': secret },
          body: secret,
        }),
      },
      primary: {
        region: 'ewr',
        answer: () => ({ headers: { 'set-cookie': secret }, body: secret }),
      },
    })
    const headers = {
      cookie: secret,
      authorization: secret,
      host: secret,
      'fly-replay-src': secret,
      'user-agent': secret,
    }
    await world.send({ method: 'POST', path: `/a?${secret}`, headers, body: secret })
    await world.recorded(1)
    expect(JSON.stringify(world.records)).not.toContain(secret)
  })

  it('is written for requests the edge refuses', async () => {
    await using world = await startWorld({})
    await world.send({ path: 'http://127.0.0.1/' })
    await world.recorded(1)
    expect(world.records[0]).toMatchObject({ error: 'LAB400', status: 400, hops: [] })
  })

  it('whose listener throws does not harm the request', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await using world = await startWorld(
      { one: { region: 'iad' } },
      {
        onRequest: () => {
          throw new Error('listener')
        },
      },
    )
    expect((await world.send()).status).toBe(200)
    await expect.poll(() => warn.mock.calls.length).toBe(1)
    warn.mockRestore()
  })
})
