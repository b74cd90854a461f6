import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ADMISSION, type AdmissionInput, decideAdmission } from '../src/admission.js'

const NOWHERE = { replayed: false, cached: false, failed: false }

/** A GET in a replica region on Fly. */
const BASE: AdmissionInput = {
  role: 'replica',
  safe: true,
  policy: 'attempt',
  by: 'method',
  canReplay: true,
  origin: NOWHERE,
  body: 'none',
  whenNotReplayable: 'forward',
}
const POST = { safe: false, policy: 'replay' } as const
const FAIL = { whenNotReplayable: 'fail' } as const
const REPLAYED = { origin: { ...NOWHERE, replayed: true } }

/** For each row, in order, an input that it is the first to match. */
const EXAMPLES: readonly Partial<AdmissionInput>[] = [
  { role: 'single', ...POST, ...REPLAYED },
  { role: 'primary', ...POST, ...REPLAYED, ...FAIL },
  { policy: 'forward', ...REPLAYED, ...FAIL, body: 'over' },
  { canReplay: false, stale: true },
  { canReplay: false },
  { canReplay: false, ...POST, ...FAIL },
  { ...POST, ...REPLAYED, ...FAIL },
  { ...POST, origin: { ...NOWHERE, failed: true }, body: 'unknown' },
  { ...POST, body: 'unknown' },
  { ...POST, body: 'over', ...FAIL },
  { body: 'over' },
  { policy: 'replay', by: 'route', body: 'within' },
  { ...POST, body: 'within', stale: true },
  { body: 'within', stale: true },
  { body: 'within' },
]

describe('each row of the admission table', () => {
  test.each(ADMISSION.map((row, index) => [row.title, row, EXAMPLES[index]] as const))(
    '%s',
    (_title, row, example) => {
      const input = { ...BASE, ...example }
      expect(ADMISSION.find((candidate) => candidate.when(input))?.title).toBe(row.title)
      expect(decideAdmission(input)).toBe(row.gives)
    },
  )
})

const anyInput: fc.Arbitrary<AdmissionInput> = fc.record({
  role: fc.constantFrom('replica', 'primary', 'single'),
  safe: fc.boolean(),
  policy: fc.constantFrom('replay', 'attempt', 'forward'),
  by: fc.constantFrom('method', 'route'),
  canReplay: fc.boolean(),
  origin: fc.record({ replayed: fc.boolean(), cached: fc.boolean(), failed: fc.boolean() }),
  body: fc.constantFrom('none', 'within', 'over', 'unknown'),
  whenNotReplayable: fc.constantFrom('forward', 'fail'),
  stale: fc.boolean(),
})

const mayReplay = (input: AdmissionInput): boolean => {
  const admission = decideAdmission(input)
  return admission.outcome === 'replay' || (admission.outcome === 'open' && admission.canReplay)
}

test('rule 2: a request that came back may not be replayed, whatever else holds', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { replayed, cached, failed } = input.origin
      expect(mayReplay(input) && (replayed || cached || failed)).toBe(false)
    }),
  )
})

test('rule 3: roles primary and single may not replay, whatever else holds', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      expect(mayReplay(input) && input.role !== 'replica').toBe(false)
    }),
  )
})

test('a body over the limit may not be replayed, and a measured one is not measured again', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      expect(mayReplay(input) && input.body === 'over').toBe(false)
      const { outcome } = decideAdmission(input)
      expect(outcome === 'measure' && input.body !== 'unknown').toBe(false)
    }),
  )
})
