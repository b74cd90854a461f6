import { describe, expect, it } from 'vitest'
import { replayJson, replayTo, startWorld } from './edge-world.js'

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/ */
describe('a replay', () => {
  it('sends the whole request to the region it names', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=ewr') },
      primary: { region: 'ewr' },
    })
    const answer = await world.send({
      method: 'POST',
      path: '/posts?draft=1',
      body: 'title=x',
      headers: { 'x-mine': 'yes' },
    })
    expect(answer).toMatchObject({ status: 200, text: 'primary' })
    expect(
      world.seen.map(({ machine, method, path, body }) => [machine, method, path, body.toString()]),
    ).toEqual([
      ['replica', 'POST', '/posts?draft=1', 'title=x'],
      ['primary', 'POST', '/posts?draft=1', 'title=x'],
    ])
    expect(world.seen[1]?.headers['x-mine']).toBe('yes')
  })

  // 1.3: "No status is required": 409, 307, 302 and 200 are all in official code.
  it.each([200, 204, 302, 307, 409, 500])('is followed whatever the status: %i', async (status) => {
    await using world = await startWorld({
      replica: {
        region: 'iad',
        answer: replayTo('region=ewr', { status, headers: { location: '/x' } }),
      },
      primary: { region: 'ewr' },
    })
    expect(await world.send()).toMatchObject({ status: 200, text: 'primary' })
  })

  // 1.3 [inf]: "The body and, presumably, other headers such as Set-Cookie are dropped".
  it('drops the body, the cookies and the other headers of the answer that asked for it', async () => {
    const answer = { body: 'secret', headers: { 'set-cookie': ['a=1'], 'x-other': 'y' } }
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=ewr', answer) },
      primary: {
        region: 'ewr',
        answer: () => ({ body: 'fine', headers: { 'set-cookie': ['b=2'] } }),
      },
    })
    const { text, headers } = await world.send()
    expect(text).toBe('fine')
    expect(headers['set-cookie']).toEqual(['b=2'])
    expect(headers['x-other']).toBeUndefined()
  })

  // 1.4
  it('tells the target where it came from: instance, region, microseconds and state', async () => {
    await using world = await startWorld(
      {
        replica: { region: 'iad', answer: replayTo('region=ewr;state=captured_write:1') },
        primary: { region: 'ewr' },
      },
      { clock: { nowMs: () => 1_700_000_000_000.125, sleep: () => new Promise(() => undefined) } },
    )
    await world.send()
    expect(world.seen[1]?.headers['fly-replay-src']).toBe(
      'instance=replica;region=iad;t=1700000000000125;state=captured_write:1',
    )
  })

  it('has no state in its source when the app gave none', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=ewr') },
      primary: { region: 'ewr' },
    })
    await world.send()
    expect(world.seen[0]?.headers['fly-replay-src']).toBeUndefined()
    expect(world.seen[1]?.headers['fly-replay-src']).toMatch(
      /^instance=replica;region=iad;t=\d{16}$/,
    )
  })

  // 1.1: "`region=x` alone is a hard constraint"; "prefer" is `region="sjc,any"`.
  it('to a region without machines is an error, and with any it goes to the nearest that has some', async () => {
    await using hard = await startWorld({
      replica: { region: 'iad', answer: replayTo('region=syd') },
    })
    expect(await hard.send()).toMatchObject({ status: 503, headers: { 'lab-edge-error': 'PR04' } })

    const soft = { region: 'iad', answer: replayTo('region="syd,any";elsewhere=true') }
    await using world = await startWorld({ replica: soft, other: { region: 'fra' } })
    expect((await world.send()).text).toBe('other')
  })

  it('tries the regions of a list in their order', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('region="syd,fra,ewr"') },
      first: { region: 'ewr' },
      second: { region: 'fra' },
    })
    expect((await world.send()).text).toBe('second')
    world.entries['second']?.setHealth('down')
    expect((await world.send()).text).toBe('first')
  })

  // 1.1: aliases `apac eu na sa us usa any`.
  it.each([
    ['apac', 'syd'],
    ['eu', 'fra'],
    ['na', 'yyz'],
    ['sa', 'gru'],
    ['us', 'ewr'],
    ['usa', 'ewr'],
  ])('to the area %s reaches a region in it: %s', async (area, region) => {
    await using world = await startWorld(
      {
        source: { region: 'jnb', answer: replayTo(`region=${area}`) },
        syd: { region: 'syd' },
        fra: { region: 'fra' },
        gru: { region: 'gru' },
        yyz: { region: 'yyz' },
        ewr: { region: 'ewr' },
      },
      { region: 'jnb', distance: (_, to) => (to === region ? 1 : 2) },
    )
    expect((await world.send()).text).toBe(region)
  })

  it('to an instance reaches that machine', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('instance=two') },
      one: { region: 'ewr' },
      two: { region: 'ewr' },
    })
    expect((await world.send()).text).toBe('two')
  })

  // 1.1: `prefer_instance` is soft.
  it('to a preferred instance goes to another that fits when it is down, and says so', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo('prefer_instance=two;region=ewr') },
      one: { region: 'ewr' },
      two: { region: 'ewr' },
    })
    expect((await world.send()).text).toBe('two')
    expect(world.seen.at(-1)?.headers['fly-preferred-instance-unavailable']).toBeUndefined()
    world.entries['two']?.setHealth('down')
    expect((await world.send()).text).toBe('one')
    expect(world.seen.at(-1)?.headers['fly-preferred-instance-unavailable']).toBe('two')
  })

  it('elsewhere goes to any machine but the one that answered', async () => {
    await using world = await startWorld({
      one: { region: 'iad', answer: replayTo('elsewhere=true') },
      two: { region: 'ewr' },
    })
    expect((await world.send()).text).toBe('two')
    world.entries['two']?.setHealth('down')
    expect((await world.send()).headers['lab-edge-error']).toBe('PR04')
  })

  it('to an app reaches a machine of that app', async () => {
    await using world = await startWorld({
      router: { region: 'iad', answer: replayTo('app=shop;region=ewr') },
      mine: { region: 'ewr' },
      shop: { region: 'ewr', app: 'shop' },
    })
    expect((await world.send()).text).toBe('shop')
  })

  it('without an app stays in the app that answered', async () => {
    await using world = await startWorld({
      router: { region: 'iad', answer: replayTo('app=shop') },
      shop: {
        region: 'iad',
        app: 'shop',
        answer: () => ({ headers: { 'fly-replay': 'elsewhere=true' } }),
      },
    })
    expect((await world.send()).headers['lab-edge-error']).toBe('PR04')
    expect(world.seen.map(({ machine }) => machine)).toEqual(['router', 'shop'])
  })

  // 1.5: PA04, PA05.
  it('to an unknown app is PA04, to one that does not allow it PA05', async () => {
    const places = {
      router: { region: 'iad', answer: replayTo('app=shop') },
      shop: { region: 'iad', app: 'shop' },
    }
    await using unknown = await startWorld({ router: places.router })
    expect((await unknown.send()).headers['lab-edge-error']).toBe('PA04')
    await using closed = await startWorld(places, { authorizeReplay: (from, to) => from === to })
    expect((await closed.send()).headers['lab-edge-error']).toBe('PA05')
  })

  // 1.1: "Invalid field combination -> PA03"; the routing page names "both app and instance if instance isn't in that app".
  it.each([
    ['an unknown field', 'prefer_region=ewr'],
    ['no target', 'state=x'],
    ['an unquoted list', 'region=ewr,iad'],
    ['an instance outside its app', 'app=shop;instance=primary'],
    ['an instance outside its region', 'region=iad;instance=primary'],
    ['the instance to avoid', 'instance=replica;elsewhere=true'],
    ['two instances', 'instance=primary;prefer_instance=replica'],
  ])('with %s is PA03', async (_, value) => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayTo(value) },
      primary: { region: 'ewr' },
      shop: { region: 'ewr', app: 'shop' },
    })
    expect(await world.send()).toMatchObject({ status: 502, headers: { 'lab-edge-error': 'PA03' } })
    expect(world.seen).toHaveLength(1)
  })

  it('asked for twice in one answer is PA03', async () => {
    const twice = { headers: { 'fly-replay': ['region=ewr', 'region=iad'] } }
    await using world = await startWorld({ replica: { region: 'iad', answer: () => twice } })
    expect((await world.send()).headers['lab-edge-error']).toBe('PA03')
  })

  // 1.5: "At most 10 fly-replay answers per request, then PA02".
  it('may be answered with another replay up to ten times', async () => {
    let answers = 0
    await using world = await startWorld({
      loop: {
        region: 'iad',
        answer: () =>
          ++answers <= 10 ? { headers: { 'fly-replay': 'region=iad' } } : { body: 'done' },
      },
    })
    expect(await world.send()).toMatchObject({ status: 200, text: 'done' })
    expect(world.seen).toHaveLength(11)
  })

  it('answered with an eleventh replay is PA02', async () => {
    const loop = () => ({ headers: { 'fly-replay': 'region=iad' } })
    await using world = await startWorld({ loop: { region: 'iad', answer: loop } })
    expect((await world.send()).headers['lab-edge-error']).toBe('PA02')
    expect(world.seen).toHaveLength(11)
  })

  // 1.7 aside, a replay never shows: the headers are instructions to the proxy.
  it('leaves no fly-replay header on the answer to the client', async () => {
    const cacheOnly = { headers: { 'fly-replay-cache': '/x/*', 'fly-replay-cache-ttl-secs': '10' } }
    await using world = await startWorld({ one: { region: 'iad', answer: () => cacheOnly } })
    const names = Object.keys((await world.send()).headers)
    expect(names.filter((name) => name.startsWith('fly-replay'))).toEqual([])
  })
})

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-json-format */
describe('a replay in JSON', () => {
  it('is followed by its content type, and its body never reaches the client', async () => {
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayJson({ region: 'ewr,us', state: 'x' }) },
      primary: { region: 'ewr' },
    })
    expect(await world.send()).toMatchObject({ status: 200, text: 'primary' })
    expect(world.seen[1]?.headers['fly-replay-src']).toMatch(/;state=x$/)
  })

  it('can change the path, take headers away and set others', async () => {
    const transform = {
      path: '/inner?y=2',
      delete_headers: ['Cookie', 'x-gone'],
      set_headers: [
        { name: 'Authorization', value: 'Bearer t' },
        { name: 'x-new', value: '1' },
      ],
    }
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayJson({ region: 'ewr', transform }) },
      primary: { region: 'ewr' },
    })
    await world.send({
      path: '/outer?x=1',
      headers: { cookie: 'a=1', 'x-gone': '1', authorization: 'Basic z', 'x-kept': '1' },
    })
    expect(world.seen[1]).toMatchObject({
      path: '/inner?y=2',
      headers: { authorization: 'Bearer t', 'x-new': '1', 'x-kept': '1' },
    })
    expect(world.seen[1]?.headers).not.toHaveProperty('cookie')
    expect(world.seen[1]?.headers).not.toHaveProperty('x-gone')
  })

  // Not documented: each replay starts from the request the client sent.
  it('changes the request for one replay only', async () => {
    await using world = await startWorld({
      one: {
        region: 'iad',
        answer: replayJson({ instance: 'two', transform: { path: '/changed' } }),
      },
      two: { region: 'ewr', answer: () => ({ headers: { 'fly-replay': 'instance=three' } }) },
      three: { region: 'fra' },
    })
    await world.send({ path: '/original' })
    expect(world.seen.map(({ path }) => path)).toEqual(['/original', '/changed', '/original'])
  })

  it('cannot forge what only the proxy may say', async () => {
    const set_headers = [
      { name: 'fly-replay-src', value: 'forged' },
      { name: 'fly-client-ip', value: '9.9.9.9' },
    ]
    await using world = await startWorld({
      replica: { region: 'iad', answer: replayJson({ region: 'ewr', transform: { set_headers } }) },
      primary: { region: 'ewr' },
    })
    await world.send()
    expect(world.seen[1]?.headers).toMatchObject({ 'fly-client-ip': '127.0.0.1' })
    expect(world.seen[1]?.headers['fly-replay-src']).toMatch(/^instance=replica;/)
  })

  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['an unknown field', '{"region":"ewr","status":1}'],
    [
      'a header that would break the frame',
      '{"region":"ewr","transform":{"set_headers":[{"name":"content-length","value":"0"}]}}',
    ],
    [
      'a line break in a header',
      '{"region":"ewr","transform":{"set_headers":[{"name":"x","value":"a\\r\\nb: c"}]}}',
    ],
    ['a line break in the state', '{"region":"ewr","state":"a\\r\\nb: c"}'],
    ['a path that is none', '{"region":"ewr","transform":{"path":"http://elsewhere/"}}'],
    ['an oversized body', `{"region":"ewr","state":"${'x'.repeat(70_000)}"}`],
  ])('that is %s is PA03', async (_, body) => {
    const headers = { 'content-type': 'application/vnd.fly.replay+json; charset=utf-8' }
    await using world = await startWorld({
      replica: { region: 'iad', answer: () => ({ headers, body }) },
      primary: { region: 'ewr' },
    })
    expect((await world.send()).headers['lab-edge-error']).toBe('PA03')
  })

  // Not documented: an app that says two things at once is told so.
  it('beside a header is PA03', async () => {
    const headers = {
      'content-type': 'application/vnd.fly.replay+json',
      'fly-replay': 'region=ewr',
    }
    await using world = await startWorld({
      replica: { region: 'iad', answer: () => ({ headers, body: '{"region":"ewr"}' }) },
      primary: { region: 'ewr' },
    })
    expect((await world.send()).headers['lab-edge-error']).toBe('PA03')
  })
})
