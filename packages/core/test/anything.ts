import fc from 'fast-check'

/** Any value somebody might throw: primitives, errors that wrap each other, cycles, plain objects with odd fields. */
export const ANYTHING: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.anything({ withNullPrototype: true }),
    tie('link'),
    tie('cycle'),
  ),
  link: fc.record(
    {
      code: fc.oneof(
        fc.constantFrom('25006', '0A000', '40001', 'P2039', 'ECONNREFUSED'),
        fc.anything(),
      ),
      severity: fc.oneof(fc.constant('ERROR'), fc.anything()),
      originalCode: fc.anything(),
      routine: fc.anything(),
      cause: tie('value'),
      errors: fc.oneof(fc.array(tie('value')), fc.anything()),
      meta: fc.oneof(fc.record({ driverAdapterError: tie('value') }), fc.anything()),
    },
    { requiredKeys: [] },
  ),
  cycle: tie('link').map((value) => {
    const link = Object(value)
    link.cause = { errors: [link], cause: link }
    return link
  }),
})).value
