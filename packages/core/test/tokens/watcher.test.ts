import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Position } from '../../src/index.js'
import { Watcher } from '../../src/tokens/watcher.js'

const at = (lsn: number): Position => ({
  type: 'position',
  cluster: 'a',
  timeline: 1,
  lsn: BigInt(lsn),
  issuedAt: 1,
})

/** A member that is where it is told to be, and counts who asks. */
function member(): { lsn: number; polls: number; poll: () => Promise<bigint> } {
  const state = {
    lsn: 0,
    polls: 0,
    poll: () => {
      state.polls++
      return Promise.resolve(BigInt(state.lsn))
    },
  }
  return state
}

describe('a watcher', () => {
  test('wakes each one when the member is where it waits for, and asks for all of them once', async () => {
    const watcher = new Watcher()
    const state = member()
    const woken: number[] = []
    const waiting = [30, 10, 20].map(async (lsn) => {
      expect(await watcher.wait(at(lsn), 5000, state.poll)).toBe(true)
      woken.push(lsn)
    })
    for (const lsn of [10, 20, 30]) {
      state.lsn = lsn
      await expect.poll(() => woken).toContain(lsn)
    }
    await Promise.all(waiting)
    expect(woken).toEqual([10, 20, 30])
    const { polls } = state
    await sleep(60)
    expect(state.polls, 'nobody waits any more').toBe(polls)
  })

  test('gives up in time, also when the member does not answer', async () => {
    const watcher = new Watcher()
    expect(await watcher.wait(at(5), 20, () => new Promise(() => {}))).toBe(false)
  })

  test('a member that fails to answer is asked again as long as somebody waits', async () => {
    const watcher = new Watcher()
    let polls = 0
    const poll = () => (++polls < 3 ? Promise.reject(new Error('gone')) : Promise.resolve(5n))
    expect(await watcher.wait(at(5), 5000, poll)).toBe(true)
  })

  test('wakes whoever waits for what another member has shown already', async () => {
    const watcher = new Watcher()
    watcher.saw(9n)
    const state = member()
    state.lsn = 9
    expect(await watcher.wait(at(5), 1000, state.poll)).toBe(true)
    const slow = member()
    const waiting = watcher.wait(at(5), 1000, slow.poll)
    slow.lsn = 5
    expect(await waiting, 'a member that is behind the other comes so far').toBe(true)
  })

  test('does not wait again for a member that was waited for in vain, until it moves so far', async () => {
    const watcher = new Watcher()
    const state = member()
    watcher.saw(0n, 9n)
    expect(watcher.isStale(at(5))).toBe(false)
    expect(await watcher.wait(at(5), 20, state.poll)).toBe(false)
    expect([watcher.isStale(at(5)), watcher.isStale(at(9)), watcher.isStale(at(0))]).toEqual([
      true,
      true,
      false,
    ])
    const before = performance.now()
    expect(await watcher.wait(at(9), 60_000, state.poll)).toBe(false)
    expect(performance.now() - before).toBeLessThan(10_000)
    // It goes on asking for a while, so that this is noticed by itself.
    state.lsn = 5
    await expect.poll(() => watcher.isStale(at(9))).toBe(false)
    expect(await watcher.wait(at(9), 20, state.poll)).toBe(false)
  })

  test('a position that the member has not even received keeps nobody else from waiting', async () => {
    const watcher = new Watcher()
    const state = member()
    watcher.saw(0n, 9n)
    expect(await watcher.wait(at(1000), 20, state.poll)).toBe(false)
    expect([watcher.isStale(at(1000)), watcher.isStale(at(9))]).toEqual([false, false])
    setTimeout(() => {
      state.lsn = 9
    }, 30)
    expect(await watcher.wait(at(9), 5000, state.poll)).toBe(true)
  })

  test('lets only so many wait', async () => {
    const watcher = new Watcher()
    const state = member()
    const waiting = Array.from({ length: 600 }, () => watcher.wait(at(5), 5000, state.poll))
    const refused = await Promise.all(waiting.slice(512))
    expect(refused.every((isWorthALook) => !isWorthALook)).toBe(true)
    state.lsn = 5
    expect(await Promise.all(waiting.slice(0, 512))).not.toContain(false)
  })

  test('with no time at all does not ask', async () => {
    const state = member()
    expect(await new Watcher().wait(at(5), 0, state.poll)).toBe(false)
    expect(state.polls).toBe(0)
  })
})
