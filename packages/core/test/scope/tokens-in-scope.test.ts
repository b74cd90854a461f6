import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Consistency, parseToken, Scope } from '../../src/index.js'
import {
  currentScope,
  currentToken,
  markWrite,
  runInScope,
  withConsistency,
  withToken,
} from '../../src/scope.js'

const SEEN = '1.a.1.5.1'
const FURTHER = '1.a.1.9.1'

const request = (token = '', onCapture?: (token: string) => void): Scope =>
  new Scope({
    role: 'replica',
    primaryRegion: 'ewr',
    canReplay: true,
    token: parseToken(token),
    ...(onCapture && { onCapture }),
  })

afterEach(() => vi.unstubAllEnvs())

describe('currentToken', () => {
  test('is what the request came with and what it has captured, and nothing outside of one', () => {
    expect(currentToken()).toBeUndefined()
    runInScope(request(), () => expect(currentToken()).toBeUndefined())
    const scope = request(SEEN)
    runInScope(scope, () => {
      expect(currentToken()).toBe(SEEN)
      for (const entry of parseToken(FURTHER)) scope.tokens.add(entry)
      expect(currentToken()).toBe(FURTHER)
    })
  })
})

describe('withToken', () => {
  test('in a request asks for more, and its client is told', async () => {
    const heard: string[] = []
    const scope = request(SEEN, (token) => heard.push(token))
    await runInScope(scope, () => withToken(FURTHER, () => expect(currentScope()).toBe(scope)))
    expect(scope.tokens.required).toEqual(parseToken(FURTHER))
    expect(heard).toEqual([FURTHER])
  })

  test('in a request never asks for less', async () => {
    const scope = request(FURTHER)
    await runInScope(scope, () => withToken(SEEN, () => expect(currentToken()).toBe(FURTHER)))
  })

  test('outside of a request gives the work a scope of its own, which cannot be replayed', async () => {
    vi.stubEnv('FLY_REGION', 'syd')
    vi.stubEnv('PRIMARY_REGION', 'ewr')
    const scope = await withToken(SEEN, () => {
      expect(currentToken()).toBe(SEEN)
      return currentScope()
    })
    expect(scope).toMatchObject({ role: 'replica', primaryRegion: 'ewr', replayable: false })
    expect(currentScope()).toBeUndefined()
  })

  test('without a token runs the work, with nothing to see', async () => {
    expect(await withToken(undefined, () => currentToken())).toBeUndefined()
  })

  test.each(['', 'x', '1.a.0.5.1', "1.a.1.5.1'; drop table t"])(
    'rule 19: refuses %j before the work begins, and does not repeat it',
    async (text) => {
      const work = vi.fn()
      const refused = withToken(text, work)
      await expect(refused).rejects.toThrow(TypeError)
      await expect(refused).rejects.toThrow('withToken() needs a token as currentToken() gives it')
      expect(work).not.toHaveBeenCalled()
    },
  )

  test('gives back the place of work that fails', async () => {
    const work = withToken(SEEN, () => {
      expect(currentScope()?.takePlace(1)).toBe(true)
      throw new Error('of the caller')
    })
    await expect(work).rejects.toThrow('of the caller')
    expect(await withToken(SEEN, () => currentScope()?.takePlace(1))).toBe(true)
  })
})

describe('withConsistency', () => {
  test('changes the level for a part of the request alone: all else is shared', async () => {
    const scope = request(SEEN)
    await runInScope(scope, async () => {
      await withConsistency('eventual', () => {
        const part = currentScope()
        expect(part?.root).toBe(scope)
        expect(part?.consistency.session).toBe(false)
        expect(part?.tokens).toBe(scope.tokens)
        part?.enterWriter('db')
      })
      expect(currentScope()).toBe(scope)
    })
    expect(scope.consistency.session).toBe(true)
    expect(scope.view('db').state).toBe('forwarding')
  })

  test('rule 1: a refusal in a part ends the whole request', async () => {
    const scope = request()
    await runInScope(scope, () =>
      withConsistency({ withinMs: 5 }, () => void currentScope()?.refuse('ewr', 'write')),
    )
    expect(scope.state).toBe('replaying')
  })

  test('outside of a request gives the work a scope of its own', async () => {
    const rules = await withConsistency({ monotonic: true }, () => currentScope()?.consistency)
    expect(rules).toMatchObject({ session: true, monotonic: true })
  })

  test.each([undefined, request()])(
    'refuses what is no level, in a request and outside',
    async (scope) => {
      const work = vi.fn()
      const level: Consistency = JSON.parse('{"withinMs": 0}')
      const run = (): Promise<unknown> => withConsistency(level, work)
      const refused = scope === undefined ? run() : runInScope(scope, run)
      await expect(refused).rejects.toMatchObject({ name: 'ConfigurationError' })
      expect(work).not.toHaveBeenCalled()
    },
  )
})

describe('markWrite', () => {
  test('captures what comes from here on, and pins what the primary has answered already', () => {
    const early = request()
    runInScope(early, markWrite)
    expect(early).toMatchObject({ mayWrite: true, tokens: { isPinned: false } })
    const late = request()
    late.answered('primary')
    runInScope(late, markWrite)
    expect(late.tokens.issued).toMatchObject([{ type: 'pin' }])
  })

  test('does nothing of what a replica has answered, and nothing outside of a request', () => {
    const scope = request()
    scope.answered('replica')
    runInScope(scope, markWrite)
    expect(scope.tokens.issued).toEqual([])
    expect(() => markWrite()).not.toThrow()
  })
})
