import { afterEach, describe, expect, test } from 'vitest'
import type { Position } from '../../src/index.js'
import { findKnownStale, rememberStale } from '../../src/tokens/known-stale.js'
import { Watcher } from '../../src/tokens/watcher.js'

const at = (cluster: string, lsn: number): Position => ({
  type: 'position',
  cluster,
  timeline: 1,
  lsn: BigInt(lsn),
  issuedAt: 1,
})

/** An endpoint that somebody has waited for in vain, as long as `lsn`. */
async function frozen(cluster: string, lsn: number): Promise<Watcher> {
  const watcher = new Watcher()
  rememberStale(cluster, { watcher, maxFallbacks: 7 })
  // It has received more than it has replayed.
  watcher.saw(0n, 99n)
  await watcher.wait(at(cluster, lsn), 1, () => Promise.resolve(0n))
  return watcher
}

describe('what is known to be stale', () => {
  const watchers: Watcher[] = []
  // They move on: nothing is asked for after the test.
  afterEach(() => {
    for (const watcher of watchers) watcher.saw(99n)
  })

  test('is an endpoint that was waited for in vain, for as much or more', async () => {
    const watcher = await frozen('a', 5)
    watchers.push(watcher)
    expect(findKnownStale([at('a', 5)])).toEqual({ watcher, maxFallbacks: 7 })
    expect(findKnownStale([{ type: 'pin', issuedAt: 1 }, at('b', 1), at('a', 6)])?.watcher).toBe(
      watcher,
    )
  })

  test('is nothing of another cluster, no pin, and not what has come since', async () => {
    const watcher = await frozen('a', 5)
    watchers.push(watcher)
    expect(findKnownStale([])).toBeUndefined()
    expect(findKnownStale([at('b', 99), { type: 'pin', issuedAt: 1 }])).toBeUndefined()
    watcher.saw(5n)
    expect(findKnownStale([at('a', 5)])).toBeUndefined()
  })

  test('is no endpoint that nobody has waited for in vain', () => {
    rememberStale('c', { watcher: new Watcher(), maxFallbacks: 7 })
    expect(findKnownStale([at('c', 99)])).toBeUndefined()
  })
})
