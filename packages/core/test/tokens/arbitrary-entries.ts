import fc from 'fast-check'
import type { Pin, Position, TokenEntry } from '../../src/index.js'
import { MAX_LSN } from '../../src/tokens/lsn.js'
import { MAX_ISSUED_AT, MAX_TIMELINE } from '../../src/tokens/token.js'

const issuedAt = fc.nat({ max: MAX_ISSUED_AT })

export const positions: fc.Arbitrary<Position> = fc.record({
  type: fc.constant('position'),
  cluster: fc.constantFrom('a', 'b', '2k7ua82ebb'),
  timeline: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: MAX_TIMELINE })),
  lsn: fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 0n, max: MAX_LSN })),
  issuedAt,
})

export const pins: fc.Arbitrary<Pin> = fc.record({ type: fc.constant('pin'), issuedAt })

export const entries: fc.Arbitrary<TokenEntry> = fc.oneof(
  { weight: 4, arbitrary: positions },
  { weight: 1, arbitrary: pins },
)
