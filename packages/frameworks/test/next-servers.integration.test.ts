import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type Host, sharedLab, startHost, wayOf } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NEXT_BY_PROXY, NEXT_CUSTOM, NEXT_PRELOADED } from './next-app.ts'
import { submit } from './next-forms.ts'
import { sendReplayed, sendWrite } from './own-cases.ts'

// The other ways to serve an app of Next: a custom server, a preloaded hook, and no hook at all.

describe.each([NEXT_CUSTOM, NEXT_PRELOADED])('$name', (handler) => {
  let host: Host
  beforeAll(async () => {
    host = await startHost(handler, ['ewr', 'iad'])
  })
  afterAll(() => host?.[Symbol.asyncDispose]())

  test('replays a page for its refusal, and an unsafe method before its handler', async () => {
    const page = await sendReplayed(host, '/own/write', 'write')
    expect(page.text()).toContain('written in ewr')
    await sendReplayed(host, '/write', 'method', { method: 'POST' })
  })
})

test('a preloaded hook serves what comes while Next still starts', async () => {
  const schema = 'create table effect (id text not null, region text not null)'
  await using database = await sharedLab().createDatabase({ schema })
  const { command, cwd, env } = NEXT_PRELOADED
  const [program, ...args] = command
  const port = await freePort()
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env, ...database.env('iad'), PORT: String(port) },
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  const answered: number[] = []
  async function ask(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${port}/own/write?id=1`).catch(() => undefined)
    if (response !== undefined) answered.push(response.status)
  }
  const asked: Promise<void>[] = []
  try {
    while (answered.length < 10 && child.exitCode === null) {
      asked.push(ask())
      await sleep(20)
    }
  } finally {
    child.kill()
    await exited
    await Promise.all(asked)
  }
  expect([...new Set(answered)]).toEqual([409])
})

describe('without a hook', () => {
  let host: Host
  beforeAll(async () => {
    host = await startHost(NEXT_BY_PROXY, ['ewr', 'iad', 'bare', 'carrying'])
  })
  afterAll(() => host?.[Symbol.asyncDispose]())

  test.each(['POST', 'PUT', 'DELETE'])('proxy.ts replays %s before its handler', async (method) => {
    const answer = await sendReplayed(host, '/write', 'method', { method })
    expect(answer.json()).toMatchObject({ region: 'ewr' })
  })

  test('the answer that asks for a replay is 409, empty and no-store', async () => {
    for (const [path, method, reason] of [
      ['/write', 'POST', 'method'],
      ['/thrown', 'GET', 'write'],
    ] as const) {
      const answer = await host.send('app iad', `${path}?id=${host.id()}`, { method })
      expect([answer.status, answer.text(), answer.header('cache-control')]).toEqual([
        409,
        '',
        'no-store',
      ])
      expect(answer.all('fly-replay')).toEqual([
        `region=ewr;state=flyback.1.${reason};fallback=prefer_self`,
      ])
      expect(answer.all('set-cookie')).toEqual([])
    }
  })

  test('proxy.ts replays a server action before it runs', async () => {
    for (const by of ['a browser without scripts', 'the router'] as const) {
      const id = host.id()
      const answer = await submit(host, { name: 'save', path: '/own/form', id, by })
      expect([await host.effects(id), await wayOf(host, answer)]).toEqual([['ewr'], ['iad', 'ewr']])
    }
  })

  test.each(['/thrown', '/swallowed', '/wrapped'])(
    'withFlyback replays a route handler for its refusal: %s',
    async (path) => {
      await sendReplayed(host, path, 'write')
      await sendReplayed(host, `/attempt${path}`, 'write', { method: 'POST', body: 'x' })
    },
  )

  test('rule 2: what came back is not replayed again, by neither of the two', async () => {
    const headers = { 'fly-replay-src': 'instance=1;region=ewr;t=1;state=flyback.1.method' }
    const id = host.id()
    const answer = await host.send('app iad', `/write?id=${id}`, { method: 'POST', headers })
    expect([answer.status, await host.effects(id)]).toEqual([200, ['iad']])
  })

  test('withFlybackScope writes on the primary from here: a page, and an action that is attempted', async () => {
    const { answer, effects, way } = await sendWrite(host, '/own/scoped')
    expect(answer.text()).toContain('written in iad')
    expect([effects, way]).toEqual([['iad'], ['iad']])
    for (const by of ['a browser without scripts', 'the router'] as const) {
      const id = host.id()
      await submit(host, { name: 'saveHere', path: '/attempt/form', id, by })
      expect(await host.effects(id)).toEqual(['iad'])
    }
  })

  test('a page that writes with no scope shows its error page, and has no effect', async () => {
    const { answer, effects, way } = await sendWrite(host, '/own/write')
    expect([answer.status, effects, way]).toEqual([500, [], ['iad']])
  })

  test('without a platform a route handler writes on the primary from here', async () => {
    const id = host.id()
    const answer = await host.send('app bare', `/write?id=${id}`, { method: 'POST' })
    expect([answer.status, await host.effects(id)]).toEqual([200, ['iad']])
  })

  test('over a plain HTTP proxy the answer of the primary region comes through both', async () => {
    for (const [path, method] of [
      ['/write', 'POST'],
      ['/thrown', 'GET'],
    ] as const) {
      const id = host.id()
      const answer = await host.send('app carrying', `${path}?id=${id}`, { method })
      expect([answer.status, answer.json()]).toMatchObject([200, { region: 'ewr' }])
      expect(await host.effects(id)).toEqual(['ewr'])
    }
  })
})
