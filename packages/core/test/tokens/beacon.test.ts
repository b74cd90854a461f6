import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Position } from '../../src/index.js'
import { Beacon } from '../../src/tokens/beacon.js'

const at = (lsn: number, cluster = 'a', timeline = 1): Position => ({
  type: 'position',
  cluster,
  timeline,
  lsn: BigInt(lsn),
  issuedAt: 1,
})

afterEach(() => vi.useRealTimers())

describe('a beacon', () => {
  test('gives the oldest position that is young enough', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const beacon = new Beacon()
    let lsn = 0
    const ask = () => Promise.resolve(at(++lsn))
    expect(await beacon.within(400, ask)).toEqual(at(1))
    // It asks by itself, four times in the age that is wanted.
    await vi.advanceTimersByTimeAsync(350)
    expect(lsn).toBe(4)
    expect(await beacon.within(400, ask)).toEqual(at(1))
    expect(await beacon.within(160, ask)).toEqual(at(3))
    await vi.advanceTimersByTimeAsync(400)
    expect(await beacon.within(400, ask)).not.toEqual(at(1))
  })

  test('stops when nobody wants to know, and begins again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const beacon = new Beacon()
    let asked = 0
    const ask = () => Promise.resolve(at(++asked))
    await beacon.within(1000, ask)
    await vi.advanceTimersByTimeAsync(60_000)
    const { length } = Array.from({ length: asked })
    await vi.advanceTimersByTimeAsync(60_000)
    expect([asked, vi.getTimerCount()]).toEqual([length, 0])
    await beacon.within(1000, ask)
    expect(asked).toBe(length + 1)
  })

  test('says nothing when the primary does not, and not for longer than the age', async () => {
    const beacon = new Beacon()
    expect(await beacon.within(20, () => new Promise(() => {}))).toBeUndefined()
    expect(await new Beacon().within(1000, () => Promise.reject(new Error('gone')))).toBeUndefined()
    expect(await new Beacon().within(1000, () => Promise.resolve(undefined))).toBeUndefined()
  })

  test('an answer that took longer than the age is too old', async () => {
    const late = async () => {
      await sleep(60)
      return at(5)
    }
    expect(await new Beacon().within(20, late)).toBeUndefined()
  })

  test.each([
    ['another cluster', at(3, 'b')],
    ['a position behind the last', at(3)],
  ])('what was said before counts for nothing once the primary is at %s', async (_what, next) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const beacon = new Beacon()
    let position = at(9)
    const ask = () => Promise.resolve(position)
    expect(await beacon.within(400, ask)).toEqual(at(9))
    position = next
    await vi.advanceTimersByTimeAsync(110)
    expect(await beacon.within(400, ask)).toEqual(next)
  })
})
