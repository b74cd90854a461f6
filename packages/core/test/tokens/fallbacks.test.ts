import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Scope, takePlace } from '../../src/index.js'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => {
  vi.advanceTimersByTime(120_000)
  expect(takePlace(1)?.giveBack()).toBeUndefined()
  vi.useRealTimers()
})

describe('places at the primary', () => {
  test('are as many as there may be, and come back', () => {
    const taken = [takePlace(2), takePlace(2)]
    expect(taken).not.toContain(undefined)
    expect(takePlace(2)).toBeUndefined()
    taken[0]?.giveBack()
    taken[0]?.giveBack()
    expect([takePlace(2), takePlace(2)]).toEqual([expect.anything(), undefined])
  })

  test('of what was replayed come back after a second, and of what nobody ended after a minute', () => {
    takePlace(2)?.replay()
    takePlace(2)
    vi.advanceTimersByTime(999)
    expect(takePlace(2)).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(takePlace(2)).toBeDefined()
    expect(takePlace(2)).toBeUndefined()
    vi.advanceTimersByTime(60_000)
    expect(takePlace(2)).toBeDefined()
  })

  test('none is there for a limit of 0', () => {
    expect(takePlace(0)).toBeUndefined()
  })

  test('a scope has one, however often it falls back, and gives it back at its end', () => {
    const open = () => new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: false })
    const [one, two] = [open(), open()]
    expect([one.takePlace(1), one.takePlace(1), two.takePlace(1)]).toEqual([true, true, false])
    one.end()
    expect(two.takePlace(1)).toBe(true)
    two.end()
  })
})
