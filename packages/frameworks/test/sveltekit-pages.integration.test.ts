import { readdir, readFile } from 'node:fs/promises'
import { comparable, type Host, startHost, TOKEN_COOKIE, wayOf } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { svelteKit } from './built-apps.ts'
import { chunked, form, sendReplayed, sendWrite } from './own-cases.ts'

// What SvelteKit has beside requests and responses: pages, their data, form actions, error pages, hooks in sequence, calls of
// the app to itself.

let host: Host
beforeAll(async () => {
  // With the limits of adapter-node as they are.
  host = await startHost({ name: 'SvelteKit', ...svelteKit() })
})
afterAll(() => host?.[Symbol.asyncDispose]())

const DATA = '/__data.json'
/** As a browser sends a form of its own. */
const PLAIN = { accept: 'text/html' }
/** As `use:enhance` sends a form. */
const ENHANCED = { accept: 'application/json', 'x-sveltekit-action': 'true' }

describe('a page', () => {
  test('is answered where it is asked for, and so is its data', async () => {
    for (const path of ['/page/read', `/page/read${DATA}`]) {
      const answer = await host.send('iad', path)
      expect(answer.text()).toContain('iad, a standby: true')
      expect(await wayOf(host, answer)).toEqual(['iad'])
    }
  })

  test.each([
    '/page/written',
    `/page/written${DATA}`,
    `/page/written${DATA}?x-sveltekit-invalidated=001`,
  ])('that writes in its load function is replayed, not shown as an error: %s', async (path) => {
    const answer = await sendReplayed(host, path, 'write')
    expect(answer.status).toBe(200)
    expect(answer.text()).toMatch(/written in ewr|"ewr"/)
    expect(answer.text()).not.toMatch(/the error page|"type":"error"/)
  })

  test('is replayed when its refusal was thrown where the async context was lost', async () => {
    const answer = await sendReplayed(host, '/page/lost', 'write')
    expect(answer.text()).toContain('written in ewr')
    await sendReplayed(host, `/page/lost${DATA}`, 'write')
  })

  test.each(['GET', 'POST'])(
    'is replayed for a write of an endpoint it calls, whose answer it does not look at: %s',
    async (method) => {
      const answer = await sendReplayed(host, `/page/inner?method=${method}`, 'write')
      expect(answer.text()).toContain('written in ewr')
    },
  )

  test('has rules by its own path, also when only its data is asked for', async () => {
    for (const path of ['/page/forwarded', `/page/forwarded${DATA}`]) {
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
    'and what else a load function may answer is the same in a replica region as without regions: made%s',
    async (query) => {
      for (const suffix of ['', DATA]) {
        const path = `/page/made${suffix}${query}`
        const [here, single] = [
          await host.send('app iad', path),
          await host.send('app single', path),
        ]
        const plain = (text: string): string =>
          text.replaceAll('iad, a standby: true', 'none, a standby: false')
        const { status, headers } = single
        expect([here.status, here.headers.length]).toEqual([status, headers.length])
        expect(plain(here.text())).toBe(single.text())
      }
    },
  )

  test('that writes and then redirects is replayed, and redirects with the cookies of ewr alone', async () => {
    const document = await sendReplayed(host, '/page/made?redirect', 'write')
    expect([document.status, document.header('location')]).toEqual([303, '/page/read'])
    expect(document.all('set-cookie')).toEqual([
      expect.not.stringContaining('flyback-'),
      expect.stringMatching(TOKEN_COOKIE),
    ])
    const answer = await sendReplayed(host, `/page/made${DATA}?redirect`, 'write')
    expect(answer.json()).toEqual({ type: 'redirect', status: 303, location: '/page/read' })
  })

  test('that was prerendered is the file it was made', async () => {
    const [here, single] = [
      await host.send('app iad', '/page/prerendered'),
      await host.send('app single', '/page/prerendered'),
    ]
    expect(comparable(here)).toEqual(comparable(single))
    expect(here.text()).toContain('made once, for all')
  })
})

describe('a form action', () => {
  test('is replayed before it runs, and its page is that of the primary region', async () => {
    const sent = form({ text: 'hello' }, PLAIN)
    const answer = await sendReplayed(host, '/page/form/eager', 'method', sent)
    expect(answer.text()).toContain('5 sent to ewr')
    expect(answer.text()).toContain('ewr, a standby: false')
  })

  test('that use:enhance calls gets the result as JSON, from there', async () => {
    const sent = form({ text: 'hello' }, ENHANCED)
    const answer = await sendReplayed(host, '/page/form/eager', 'method', sent)
    expect(answer.json()).toMatchObject({ type: 'success', status: 200 })
    expect(answer.text()).toContain('ewr')
    const redirecting = form({ text: 'hello', redirect: '' }, ENHANCED)
    const redirected = await sendReplayed(host, '/page/form/eager', 'method', redirecting)
    expect(redirected.json()).toEqual({
      type: 'redirect',
      status: 303,
      location: '/page/read?from=ewr',
    })
  })

  test.each([PLAIN, ENHANCED])(
    'with a rule by the params of its route is attempted, with its body whole: %o',
    async (headers) => {
      const sent = form({ text: 'ü'.repeat(1000) }, headers)
      for (const one of [sent, chunked(sent)]) {
        const answer = await sendReplayed(host, '/page/form/attempted', 'write', one)
        expect(answer.status).toBe(200)
        expect(answer.text()).toMatch(
          /1000 sent to ewr|\[\{\\"region\\":1,\\"length\\":2\},\\"ewr\\",1000\]/,
        )
      }
    },
  )

  test('that fails before it writes has failed here', async () => {
    const { answer, effects, way } = await sendWrite(
      host,
      '/page/form/attempted',
      form({ text: '' }, ENHANCED),
    )
    expect(answer.json()).toMatchObject({ type: 'failure', status: 422 })
    expect([effects, way]).toEqual([[], ['iad']])
  })

  test('over the limit of adapter-node is answered with 413 as without regions, and never replayed', async () => {
    const sent = form({ text: 'x'.repeat(600_000) }, ENHANCED)
    for (const one of [sent, chunked(sent)]) {
      const { answer, effects, way } = await sendWrite(host, '/page/form/attempted', one)
      expect([answer.status, effects, way]).toEqual([413, [], ['iad']])
      const single = await host.send('app single', '/page/form/attempted', one)
      expect(single.status).toBe(413)
    }
  })
})

describe('a handle after ours in sequence()', () => {
  test.each(['before', 'after'])('that writes %s it resolves is replayed', async (when) => {
    const answer = await sendReplayed(host, `/page/read?${when}`, 'write')
    expect(answer.text()).toContain('ewr, a standby: false')
    expect(answer.all('x-mine')).toEqual(['yes'])
  })
})

describe('a remote function', () => {
  const client = new URL('../apps/sveltekit/build/client/_app/immutable/nodes/', import.meta.url)
  /** Its path on the wire, as the built client has it. */
  async function pathOf(name: string): Promise<string> {
    const files = await readdir(client)
    const scripts = await Promise.all(files.map((file) => readFile(new URL(file, client), 'utf8')))
    const [, id] = new RegExp(`["'\`]([a-z0-9]+/${name})["'\`]`).exec(scripts.join('')) ?? []
    return `/_app/remote/${id}?payload=`
  }

  test('that reads is answered here', async () => {
    const answer = await host.send('iad', await pathOf('seen'))
    expect(answer.text()).toContain('iad, a standby: true')
    expect(await wayOf(host, answer)).toEqual(['iad'])
  })

  test('that writes in a query is replayed, though SvelteKit has answered with 200', async () => {
    const answer = await sendReplayed(host, await pathOf('visited'), 'write')
    expect(answer.json()).toEqual({ type: 'result', data: expect.stringContaining('ewr') })
  })

  test('that is a command is replayed before it runs', async () => {
    const headers = {
      host: 'app.test',
      origin: 'https://app.test',
      'content-type': 'application/json',
      'x-sveltekit-pathname': '/page/forwarded',
    }
    const body = JSON.stringify({ payload: '', refreshes: [] })
    const sent = { method: 'POST', headers, body }
    const answer = await sendReplayed(host, await pathOf('record'), 'method', sent)
    expect(answer.json()).toEqual({ type: 'result', data: expect.stringContaining('ewr') })
  })

  test('called from another origin is refused by SvelteKit, in this region', async () => {
    const headers = { host: 'app.test', origin: 'https://elsewhere.test' }
    const { answer, effects, way } = await sendWrite(host, await pathOf('record'), {
      method: 'POST',
      headers,
    })
    expect([answer.status, effects, way]).toEqual([403, [], ['iad']])
  })
})

describe('a page in parts', () => {
  test('comes whole, each part from the replica', async () => {
    for (const [path, later] of [
      ['/page/streamed', 'the shell'],
      [`/page/streamed${DATA}`, '"type":"data"'],
    ] as const) {
      const parts: string[] = []
      const answer = await host.send('iad', path, { onPart: (part) => parts.push(part) })
      expect(answer.complete).toBe(true)
      expect(parts[0]).toContain(later)
      expect(parts.length).toBeGreaterThan(1)
      expect(parts.slice(1).join('')).toContain('iad, a standby: true')
    }
  })

  test('is replayed for a refusal that was swallowed before its shell, with a part still to come', async () => {
    for (const path of ['/page/streamed?swallow', `/page/streamed${DATA}?swallow`]) {
      const answer = await sendReplayed(host, path, 'write')
      expect([answer.status, answer.complete]).toEqual([200, true])
      expect(answer.text()).toContain('ewr, a standby: false')
    }
  })

  // The last one: it is the only one that may leave a refusal in the log.
  test('rule 5: that writes after its shell is broken off, and says so in the log; no replay does', async () => {
    expect(host.errors()).not.toContain('ReplayRequired')
    for (const path of ['/page/streamed?write', `/page/streamed${DATA}?write`]) {
      const { answer, effects, way } = await sendWrite(host, path)
      expect([answer.status, answer.complete, effects, way]).toEqual([200, false, [], ['iad']])
    }
    await expect.poll(() => host.errors()).toContain('ReplayRequired')
  })
})
