import { startHost, TOKEN_COOKIE } from '@flyback/testkit'
import { describe, expect, test } from 'vitest'
import { DENO_ENV, onBun, onDeno, onNode } from './programs.ts'

describe.each([
  { name: 'sessions on Node', command: onNode('express-sessions') },
  { name: 'sessions on Bun', command: onBun('express-sessions') },
  { name: 'sessions on Deno', command: onDeno('express-sessions'), env: DENO_ENV },
])('$name', (handler) => {
  test('a session that is saved while its response ends is in the token of that response', async () => {
    await using host = await startHost(handler, ['ewr'])
    for (const [method, path, status, cache] of [
      ['POST', '/log-in', 200, 'private'],
      ['GET', '/callback', 302, 'private'],
      ['GET', '/head', 201, 'private, max-age=5'],
      ['GET', '/empty', 204, 'private'],
    ] as const) {
      const answer = await host.send('app ewr', path, { method })
      expect([path, answer.status, answer.header('cache-control')]).toEqual([path, status, cache])
      expect(answer.all('set-cookie')).toEqual([
        expect.stringMatching(/^connect\.sid=/),
        expect.stringMatching(TOKEN_COOKIE),
      ])
    }
    const read = await host.send('app ewr', '/read')
    expect([read.status, read.all('set-cookie'), read.header('cache-control')]).toEqual([
      200,
      [],
      undefined,
    ])
  })
})
