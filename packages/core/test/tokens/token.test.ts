import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isContained } from '../../src/index.js'
import { clusterHash } from '../../src/tokens/cluster-hash.js'
import { furthest } from '../../src/tokens/token.js'
import { entries } from './arbitrary-entries.js'

const list = fc.array(entries, { maxLength: 6 })
/** Without when they were made: of two equal positions either may be kept. */
const places = (entry: object): string =>
  JSON.stringify({ ...entry, issuedAt: 0 }, (_key, value: unknown) => String(value))

test('containment is an order: reflexive, transitive, and total within a cluster', () => {
  fc.assert(
    fc.property(entries, entries, entries, (one, two, three) => {
      expect(isContained(one, one)).toBe(true)
      if (isContained(one, two) && isContained(two, three))
        expect(isContained(one, three)).toBe(true)
      const isSame =
        one.type === 'pin' ? two.type === 'pin' : two.type !== 'pin' && one.cluster === two.cluster
      expect(isContained(one, two) || isContained(two, one)).toBe(isSame)
    }),
  )
})

test('the furthest contain all there were, and putting lists together in any order gives the same', () => {
  fc.assert(
    fc.property(list, list, (one, two) => {
      const all = furthest([...one, ...two])
      for (const entry of [...one, ...two]) {
        expect(all.some((kept) => isContained(entry, kept))).toBe(true)
      }
      const other = furthest([...furthest(two), ...furthest(one)])
      const normal = (kept: typeof all) =>
        kept
          .map((entry) => (entry.type === 'pin' ? JSON.stringify(entry) : places(entry)))
          .toSorted()
      expect(normal(other)).toEqual(normal(all))
      expect(furthest(all)).toEqual(all)
    }),
  )
})

test('the name of a cluster does not tell its system identifier, and tells two apart', () => {
  const hashes = Array.from({ length: 5000 }, (_none, index) =>
    clusterHash(String(7_000_000_000_000_000_000n + BigInt(index))),
  )
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(hashes.every((hash) => /^[0-9a-z]{1,10}$/.test(hash))).toBe(true)
  expect(clusterHash('7000000000000000000')).not.toContain('7000000')
})
