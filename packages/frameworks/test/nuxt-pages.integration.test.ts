import { comparable, type Host, startHost, wayOf } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nitro } from './built-apps.ts'
import { sendReplayed } from './own-cases.ts'

// What Nuxt has beside requests and responses: pages that call the app itself while they are rendered, its error page, and
// rules that keep what was rendered.

let host: Host
beforeAll(async () => {
  host = await startHost({ name: 'Nuxt', ...nitro('nuxt') })
})
afterAll(() => host?.[Symbol.asyncDispose]())

describe('a page', () => {
  test('is answered where it is asked for, and so is what it asks the app for', async () => {
    const answer = await host.send('iad', '/page/read')
    expect(answer.text()).toContain('iad: 200')
    expect(await wayOf(host, answer)).toEqual(['iad'])
  })

  test.each(['thrown', 'wrapped', 'swallowed', 'transaction', 'required', 'write'])(
    'is replayed for a write of the route it asks, and rendered in ewr: %s',
    async (form) => {
      const id = host.id()
      const answer = await host.send('iad', `/page/${form}?id=${id}`)
      expect([answer.status, await wayOf(host, answer)]).toEqual([200, ['iad', 'ewr']])
      expect(answer.text()).toContain('ewr: 200')
      expect(await host.effects(id)).toEqual(['ewr'])
    },
  )

  test('that asks for several at once is replayed once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        index % 2 === 0
          ? (await sendReplayed(host, '/page/thrown', 'write')).text()
          : (await host.send('iad', '/page/read')).text(),
      ),
    )
    for (const [index, text] of answers.entries()) {
      expect(text).toContain(index % 2 === 0 ? 'ewr: 200' : 'iad: 200')
    }
  })

  test('stays when the route it asks writes from its region', async () => {
    const id = host.id()
    const answer = await host.send('iad', `/page/forwarded?id=${id}`)
    expect(answer.text()).toContain('iad: 200')
    expect(await host.effects(`${id}-a`)).toEqual(['iad'])
    expect(await wayOf(host, answer)).toEqual(['iad'])
  })

  test('that writes where nothing can replay writes on the primary from there', async () => {
    const id = host.id()
    const answer = await host.send('app bare', `/page/thrown?id=${id}`)
    expect(answer.text()).toContain('iad: 200')
    expect(await host.effects(id)).toEqual(['iad'])
  })

  test.each(['/page/error', '/page/broken', '/page/nowhere'])(
    'and the error page are what they are without regions: %s',
    async (path) => {
      const sent = { headers: { host: 'app.example' } }
      const here = comparable(await host.send('app iad', path, sent))
      expect(here).toEqual(comparable(await host.send('app single', path, sent)))
    },
  )
})

describe('a page that is kept by a route rule', () => {
  test('is kept when it only read', async () => {
    for (const _ of ['made', 'kept']) {
      const answer = await host.send('iad', '/page/kept/read')
      expect(answer.text()).toContain('iad: 200')
    }
  })

  test('is not kept in the region that refused it', async () => {
    const path = `/page/kept/swallowed?id=${host.id()}`
    for (const _ of ['made', 'kept in ewr']) {
      const answer = await host.send('iad', path)
      expect(answer.text()).toContain('ewr: 200')
      expect(await wayOf(host, answer)).toEqual(['iad', 'ewr'])
    }
  })

  test('is replayed for all who wait for it to be made', async () => {
    const path = `/page/kept/thrown?id=${host.id()}`
    const answers = await Promise.all(Array.from({ length: 10 }, () => host.send('iad', path)))
    for (const answer of answers) expect(answer.text()).toContain('ewr: 200')
  })
})

test('nothing of a replay is in the log', () => {
  expect(host.errors()).not.toContain('ReplayRequired')
  expect(host.errors()).not.toContain('must run in the primary region')
})
