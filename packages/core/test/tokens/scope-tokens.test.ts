import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Position, parseToken } from '../../src/index.js'
import { ScopeTokens } from '../../src/tokens/scope-tokens.js'

const at = (lsn: number, cluster = 'a', timeline = 1): Position => ({
  type: 'position',
  cluster,
  timeline,
  lsn: BigInt(lsn),
  issuedAt: 1000,
})
const pin = (ageSeconds: number) => ({
  type: 'pin' as const,
  issuedAt: Math.floor(Date.now() / 1000) - ageSeconds,
})

afterEach(() => vi.useRealTimers())

describe('the tokens of a scope', () => {
  test('ask for what they came with, and for what was captured', () => {
    const tokens = new ScopeTokens([at(5), at(7, 'b')])
    expect(tokens.required).toEqual([at(5), at(7, 'b')])
    tokens.add(at(9))
    expect(tokens.required).toEqual([at(9), at(7, 'b')])
    expect([tokens.requiredOf('a'), tokens.requiredOf('b'), tokens.requiredOf('c')]).toEqual([
      at(9),
      at(7, 'b'),
      undefined,
    ])
  })

  test('issue nothing when nothing was captured, and never less than they came with', () => {
    const tokens = new ScopeTokens([at(5), at(7, 'b')])
    expect(tokens.issued).toEqual([])
    tokens.add(at(3))
    expect(tokens.issued).toEqual([at(5)])
    tokens.add(at(6))
    expect(tokens.issued).toEqual([at(6)])
  })

  test('what was retired is asked for no more, and bounds nothing', () => {
    const future = at(100)
    const tokens = new ScopeTokens([future])
    tokens.retire(future)
    expect(tokens.required).toEqual([])
    tokens.add(at(9))
    expect(tokens.issued).toEqual([at(9)])
  })

  test('what is required later is told to the client, too', () => {
    const tokens = new ScopeTokens([at(5)])
    tokens.require([at(8, 'b')])
    expect(tokens.required).toEqual([at(5), at(8, 'b')])
    expect(tokens.issued).toEqual([at(8, 'b')])
  })

  test('a listener hears of the token each time it grows, and only then', () => {
    const heard: string[] = []
    const tokens = new ScopeTokens([at(5)], (token) => heard.push(token))
    tokens.add(at(6))
    tokens.add(at(6))
    tokens.add(at(4))
    tokens.add(at(7))
    expect(heard.map((token) => parseToken(token))).toEqual([[at(6)], [at(7)]])
  })

  test('may be found later: asked for again as long as there are none', () => {
    let found: Position[] = []
    let asked = 0
    const tokens = new ScopeTokens(() => {
      asked++
      return found
    })
    expect(tokens.required).toEqual([])
    found = [at(5)]
    expect([tokens.required, tokens.required]).toEqual([[at(5)], [at(5)]])
    expect(asked).toBe(2)
  })
})

describe('a pin', () => {
  test('is kept while it is young, whatever is captured', () => {
    const tokens = new ScopeTokens([pin(3)])
    tokens.add(at(9))
    expect([tokens.isPinned, tokens.hasOldPin]).toEqual([true, false])
    expect(tokens.issued).toEqual([at(9)])
  })

  test('gives way to a captured position when it is old, and to nothing else', () => {
    const old = pin(60)
    const tokens = new ScopeTokens([old])
    expect([tokens.isPinned, tokens.hasOldPin]).toEqual([true, true])
    tokens.require([at(8)])
    expect(tokens.isPinned).toBe(true)
    tokens.add(at(9))
    expect([tokens.isPinned, tokens.hasOldPin]).toEqual([false, false])
    expect([...tokens.retired]).toEqual([old])
  })

  test('of the future was made by no clock near this one, and counts as old', () => {
    expect(new ScopeTokens([pin(-3600)]).hasOldPin).toBe(true)
    expect(new ScopeTokens([pin(-5)]).hasOldPin).toBe(false)
  })

  test('made here is issued, once', () => {
    const tokens = new ScopeTokens([])
    tokens.pin()
    tokens.pin()
    expect(tokens.issued).toHaveLength(1)
    expect(tokens.isPinned).toBe(true)
  })
})
