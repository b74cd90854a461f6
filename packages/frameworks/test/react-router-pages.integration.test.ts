import { comparable, type Host, startHost, TOKEN_COOKIE, wayOf } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reactRouter } from './built-apps.ts'
import { chunked, form, sendReplayed, sendWrite } from './own-cases.ts'

// What React Router has beside requests and responses: pages, their data, actions, boundaries, middleware.

let host: Host
beforeAll(async () => {
  host = await startHost({ name: 'React Router', ...reactRouter() })
})
afterAll(() => host?.[Symbol.asyncDispose]())

describe('a page', () => {
  test('is answered where it is asked for, and so is its data', async () => {
    for (const path of [
      '/page/read',
      '/page/read.data',
      '/page/read.data?_routes=pages%2Flayout',
    ]) {
      const answer = await host.send('iad', path)
      expect(answer.text()).toContain('iad, a standby: true')
      expect(await wayOf(host, answer)).toEqual(['iad'])
    }
  })

  test.each(['/page/written', '/page/written.data', '/page/written.data?_routes=pages%2Fwritten'])(
    'that writes in its loader is replayed, not shown as an error: %s',
    async (path) => {
      const answer = await sendReplayed(host, path, 'write')
      expect(answer.status).toBe(200)
      expect(answer.text()).toMatch(/written in (<!-- -->)?ewr|"region",?"ewr"/)
      expect(answer.text()).not.toContain('boundary')
    },
  )

  test('is replayed when its refusal was thrown where the async context was lost', async () => {
    const answer = await sendReplayed(host, '/page/lost', 'write')
    expect(answer.text()).toMatch(/written in (<!-- -->)?ewr/)
    await sendReplayed(host, '/page/lost.data', 'write')
  })

  test('has rules by its own path, also when only its data is asked for', async () => {
    for (const path of ['/page/forwarded', '/page/forwarded.data']) {
      const { answer, effects, way } = await sendWrite(host, path)
      expect([answer.status, effects, way]).toEqual([200, ['iad'], ['iad']])
    }
  })

  test('that writes where nothing can replay writes on the primary from there', async () => {
    const id = host.id()
    const answer = await host.send('app bare', `/page/written?id=${id}`)
    expect([answer.status, await host.effects(id)]).toEqual([200, ['iad']])
  })

  test.each(['', '?redirect', '?missing', '?broken'])(
    'and what else a loader may answer is the same in a replica region as without regions: made%s',
    async (query) => {
      for (const suffix of ['', '.data']) {
        const path = `/page/made${suffix}${query}`
        const [here, single] = [
          await host.send('app iad', path),
          await host.send('app single', path),
        ]
        const plain = (text: string): string =>
          text.replaceAll('iad, a standby: true', 'none, a standby: false')
        expect(JSON.parse(plain(JSON.stringify(comparable(here))))).toEqual(comparable(single))
      }
    },
  )

  test('that writes and then redirects is replayed, and redirects with the cookies of ewr alone', async () => {
    const document = await sendReplayed(host, '/page/made?redirect', 'write')
    expect([document.status, document.header('location')]).toEqual([302, '/page/read'])
    expect(document.all('set-cookie')).toEqual([
      'made=yes; Path=/',
      expect.stringMatching(TOKEN_COOKIE),
    ])
    const dataAnswer = await sendReplayed(host, '/page/made.data?redirect', 'write')
    expect([dataAnswer.status, dataAnswer.text()]).toEqual([
      202,
      expect.stringContaining('/page/read'),
    ])
  })
})

describe('an action', () => {
  test('is replayed before it runs, and its page is that of the primary region', async () => {
    const answer = await sendReplayed(host, '/page/form/eager', 'method', form({ text: 'hello' }))
    expect(answer.text()).toContain('5 sent to ewr')
    expect(answer.text()).toContain('ewr, a standby: false')
  })

  test('that the router calls is replayed, too', async () => {
    const sent = form({ text: 'hello' })
    const answer = await sendReplayed(host, '/page/form/eager.data', 'method', sent)
    expect(answer.text()).toContain('"ewr"')
    const redirected = await sendReplayed(
      host,
      '/page/form/eager.data',
      'method',
      form({ redirect: '' }),
    )
    expect([redirected.status, redirected.text()]).toEqual([
      202,
      expect.stringContaining('/page/read?from=ewr'),
    ])
  })

  test.each(['', '.data'])(
    'with a rule by the params of its route is attempted, with its body whole (form%s)',
    async (suffix) => {
      const path = `/page/form/attempted${suffix}`
      const sent = form({ text: 'ü'.repeat(1000) })
      for (const one of [sent, chunked(sent)]) {
        const answer = await sendReplayed(host, path, 'write', one)
        expect(answer.text()).toMatch(/1000 sent to ewr|"length",1000/)
      }
    },
  )

  test('called from another origin is refused by React Router, in this region', async () => {
    for (const suffix of ['', '.data']) {
      const sent = form({ text: 'hello' }, { origin: 'https://elsewhere.test' })
      const { answer, effects, way } = await sendWrite(host, `/page/form/eager${suffix}`, sent)
      expect([answer.status, effects, way]).toEqual([400, [], ['iad']])
    }
  })
})

describe('a middleware of a route below', () => {
  test.each(['before', 'after'])('that writes %s its loaders is replayed', async (when) => {
    const answer = await sendReplayed(host, `/page/guarded?${when}`, 'write')
    expect(answer.text()).toContain('ewr, a standby: false')
  })

  test('that throws shows the boundary it would have shown', async () => {
    const answer = await host.send('iad', '/page/guarded?broken')
    expect([answer.status, answer.text()]).toEqual([
      500,
      expect.stringContaining('the boundary of the root'),
    ])
  })
})

describe('a page in parts', () => {
  test('comes whole, each part from the replica', async () => {
    const parts: string[] = []
    const answer = await host.send('iad', '/page/streamed', { onPart: (part) => parts.push(part) })
    expect(answer.complete).toBe(true)
    expect(parts[0]).toContain('the shell')
    expect(parts[0]).not.toContain('later in')
    expect(answer.text()).toMatch(/later in (<!-- -->)?iad, a standby: true/)
  })

  test('is replayed for a refusal that was swallowed before its shell, with a part still to come', async () => {
    for (const path of ['/page/streamed?swallow', '/page/streamed.data?swallow']) {
      const answer = await sendReplayed(host, path, 'write')
      expect([answer.status, answer.complete]).toEqual([200, true])
      expect(answer.text()).toContain('ewr, a standby: false')
    }
  })

  // The last one: it is the only one that may leave a refusal in the log.
  test('rule 5: that writes after its shell is broken off, and says so in the log; no replay does', async () => {
    expect(host.errors()).not.toContain('ReplayRequired')
    for (const path of ['/page/streamed?write', '/page/streamed.data?write']) {
      const { answer, effects, way } = await sendWrite(host, path)
      expect([answer.status, answer.complete, effects, way]).toEqual([200, false, [], ['iad']])
    }
    await expect.poll(() => host.errors()).toContain('ReplayRequired')
  })
})
