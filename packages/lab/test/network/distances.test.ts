import { expect, test } from 'vitest'
import { greatCircleKm, greatCircleRoundTripMs } from '../../src/network/distances.js'
import { FLY_REGIONS } from '../../src/network/fly-regions.js'

test.each([
  ['lhr', 'cdg', 348],
  ['ewr', 'iad', 341],
  ['syd', 'lhr', 17_020],
])('%s and %s are about %i km apart', (a, b, km) => {
  expect(greatCircleKm(a, b)).toBeGreaterThan(km * 0.99)
  expect(greatCircleKm(a, b)).toBeLessThan(km * 1.01)
})

test('a round trip is the way there and back at 200 km per ms, times 1.3', () => {
  const km = greatCircleKm('ewr', 'syd') ?? 0
  expect(greatCircleRoundTripMs('ewr', 'syd')).toBeCloseTo((km * 2 * 1.3) / 200, 0)
})

test('a distance is the same in both directions, 0 to oneself, and below 310 ms on this planet', () => {
  for (const a of Object.keys(FLY_REGIONS)) {
    expect(greatCircleRoundTripMs(a, a)).toBe(0)
    for (const b of Object.keys(FLY_REGIONS)) {
      const roundTripMs = greatCircleRoundTripMs(a, b)
      expect(roundTripMs).toBe(greatCircleRoundTripMs(b, a))
      expect(roundTripMs).toBeLessThan(310)
    }
  }
})

test('there is no distance to a place that is not a region, whatever it is called', () => {
  expect(greatCircleRoundTripMs('ewr', 'moon')).toBeUndefined()
  expect(greatCircleRoundTripMs('constructor', 'ewr')).toBeUndefined()
})
