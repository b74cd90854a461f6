import { type Host, startHost, TOKEN_COOKIE, wayOf } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NEXT } from './next-app.ts'
import { submit } from './next-forms.ts'
import { sendReplayed, sendWrite } from './own-cases.ts'

// What Next has beside route handlers: pages and their parts, server actions, caches, work after a response, the Pages Router.

let host: Host
beforeAll(async () => {
  host = await startHost(NEXT, ['ewr', 'iad', 'bare', 'single'])
})
afterAll(() => host?.[Symbol.asyncDispose]())

/** As the router of a browser asks for a page: the parameter is for caches. */
const ROUTER = { headers: { rsc: '1' } }
const AS_ROUTER = '?_rsc='

/** To such readers Next sends a page with its metadata; to others, when they are there. */
const READER = { headers: { 'user-agent': 'Twitterbot' } }

describe('a page', () => {
  test('is answered where it is asked for', async () => {
    const answer = await host.send('iad', '/own/read?id=1')
    expect(answer.text()).toContain('read in iad, standby true')
    expect(await wayOf(host, answer)).toEqual(['iad'])
  })

  test.each([
    ['thrown', '/own/write', 200, 'written in ewr'],
    ['swallowed', '/own/swallowed', 200, 'written in ewr'],
    ['caught by an error boundary', '/own/boundary', 200, 'written in ewr'],
    ['followed by notFound()', '/own/missing', 404, 'not be found'],
    ['thrown where the async context was lost', '/own/lost', 200, 'written in ewr'],
    ['in a scope of its own within that of the request', '/own/scoped', 200, 'written in ewr'],
    ['of getServerSideProps', '/rendered', 200, 'rendered in ewr'],
    ['of an API route', '/api/visit', 200, '{"region":"ewr"}'],
  ])('is replayed for a refusal that was %s', async (_how, path, status, shown) => {
    const answer = await sendReplayed(host, path, 'write')
    expect([answer.status, answer.text()]).toEqual([status, expect.stringContaining(shown)])
  })

  test('is replayed for a refusal of generateMetadata, where Next waits for it', async () => {
    const answer = await sendReplayed(host, '/own/titled', 'write', READER)
    expect(answer.text()).toContain('<title>titled in ewr</title>')
    const { effects } = await sendWrite(host, '/own/titled')
    expect(effects).toHaveLength(1)
  })

  test('that is replayed is no error to onRequestError, and any other is', async () => {
    await sendReplayed(host, '/own/lost', 'write')
    await host.send('iad', '/error?id=1')
    expect(host.errors()).toContain('reported: /error')
    expect(host.errors()).not.toContain('reported: /own/')
  })

  test('rule 15: many at once share no scope', async () => {
    const paths = Array.from({ length: 20 }, (_, at) => (at % 2 ? '/own/write' : '/own/later'))
    const outcomes = await Promise.all(paths.map((path) => sendWrite(host, path)))
    for (const [at, { answer, way }] of outcomes.entries()) {
      expect([answer.status, way]).toEqual([200, at % 2 ? ['iad', 'ewr'] : ['iad']])
    }
  })

  test.each(['bare', 'single', 'ewr'] as const)(
    'writes where nothing is replayed: %s',
    async (name) => {
      const id = host.id()
      const answer = await host.send(`app ${name}`, `/own/write?id=${id}`)
      const region = { bare: 'iad', single: 'none', ewr: 'ewr' }[name]
      expect([answer.status, await host.effects(id)]).toEqual([200, [region]])
    },
  )
})

describe('what comes after the headers', () => {
  test('is written once, wherever: a page that the router of a browser asks for', async () => {
    const { answer, effects } = await sendWrite(host, `/own/write${AS_ROUTER}`, ROUTER)
    expect(answer.header('content-type')).toBe('text/x-component')
    expect(answer.text()).toContain(`written in ${effects.join()}`)
    expect([answer.complete, effects.length]).toEqual([true, 1])
  })

  test('writes on the primary from here: a part that is streamed later', async () => {
    const { answer, effects, way } = await sendWrite(host, '/own/streamed')
    expect([answer.complete, effects, way]).toEqual([true, ['iad'], ['iad']])
    expect(answer.text()).toMatch(/early.*late in iad/s)
  })

  test('does not hold up what comes before: a slow read', async () => {
    const shownAt = new Map<string, number>()
    const onPart = (part: string): void => {
      for (const word of ['early', 'late in iad']) {
        if (part.includes(word) && !shownAt.has(word)) shownAt.set(word, performance.now())
      }
    }
    const { answer, effects } = await sendWrite(host, '/own/streamed?how=read', { onPart })
    expect([answer.complete, effects]).toEqual([true, ['iad']])
    const [early = 0, late = 0] = ['early', 'late in iad'].map((word) => shownAt.get(word))
    expect(late - early).toBeGreaterThan(250)
  })

  test('rule 5: a transaction that began on the replica breaks the response off', async () => {
    const { answer, effects, way } = await sendWrite(host, '/own/streamed?how=transaction')
    expect([answer.complete, effects, way]).toEqual([false, [], ['iad']])
    expect(answer.text()).toContain('early')
  })

  test('writes on the primary from here: after()', async () => {
    const id = host.id()
    const answer = await host.send('iad', `/own/later?id=${id}`)
    expect(answer.text()).toContain('answered in iad')
    await expect.poll(() => host.effects(id)).toEqual(['iad'])
  })

  test('writes on the primary from here: a cached page made anew, which is not replayed', async () => {
    const page = (): Promise<string> =>
      host.send('iad', '/own/cached').then((answer) => answer.text())
    expect(await page()).toContain('built')
    await expect.poll(page, { interval: 300, timeout: 10_000 }).toContain('made anew in iad')
    expect(await host.effects('cached in iad')).not.toEqual([])
    for (const { hops } of host.records('/own/cached')) expect(hops).toHaveLength(1)
  })
})

describe('a cached page that is made for the first request', () => {
  const ask = async (id: string): Promise<unknown> => {
    const answer = await host.send('iad', `/own/kept/${id}`)
    return [/kept in \w+/.exec(answer.text())?.[0], await wayOf(host, answer)]
  }

  test('is replayed for its refusal, and kept in the primary region alone', async () => {
    const id = host.id()
    expect(await ask(id)).toEqual(['kept in ewr', ['iad', 'ewr']])
    expect(await ask(id)).toEqual(['kept in ewr', ['iad', 'ewr']])
    expect(await host.effects(id)).toEqual(['ewr'])
  })

  test('is kept here as well if it swallows the refusal', async () => {
    const id = `swallowed-${host.id()}`
    expect(await ask(id)).toEqual(['kept in ewr', ['iad', 'ewr']])
    expect(await ask(id)).toEqual(['kept in iad', ['iad']])
    expect(await host.effects(id)).toEqual(['ewr'])
  })
})

describe.each(['a browser without scripts', 'the router'] as const)(
  'a server action of %s',
  (by) => {
    const run = (name: string, path: string, id: string): ReturnType<typeof submit> =>
      submit(host, { name, path, id, by })

    test('is replayed before it runs', async () => {
      const id = host.id()
      const answer = await run('save', '/own/form', id)
      expect([answer.status, await host.effects(id)]).toEqual([200, ['ewr']])
      expect(await wayOf(host, answer)).toEqual(['iad', 'ewr'])
    })

    test.each(['save', 'saveAndGo', 'saveHere'])(
      'is replayed for its refusal when it is attempted: %s',
      async (name) => {
        const id = host.id()
        const answer = await run(name, '/attempt/form', id)
        expect(await host.effects(id)).toEqual(['ewr'])
        const hops = await host.hops(answer)
        expect(hops.map(({ region, replay }) => [region, replay?.state])).toEqual([
          ['iad', 'flyback.1.write'],
          ['ewr', undefined],
        ])
      },
    )

    test('sets the cookie and the redirect of the primary region', async () => {
      const answer = await run('saveAndGo', '/attempt/form', host.id())
      expect(answer.all('set-cookie')).toEqual([
        'saved=ewr; Path=/',
        expect.stringMatching(TOKEN_COOKIE),
      ])
      if (by === 'the router') {
        expect(answer.header('x-action-redirect')).toBe('/own/read?id=1;push')
        expect(answer.text()).toContain('read in ewr')
      } else {
        expect([answer.status, answer.header('location')]).toEqual([303, '/own/read?id=1'])
      }
    })

    test('that forwards writes from here', async () => {
      const id = host.id()
      const answer = await run('save', '/forward/form', id)
      expect([await host.effects(id), await wayOf(host, answer)]).toEqual([['iad'], ['iad']])
    })
  },
)
