import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseEntry, parseToken, printEntry, printToken } from '../../src/index.js'
import { MAX_LSN, parseLsn, printLsn } from '../../src/tokens/lsn.js'
import { entries, pins, positions } from './arbitrary-entries.js'

describe('the text of an entry', () => {
  test('is read back as it was, and is safe in a cookie, a header and a URL', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const text = printEntry(entry)
        expect(text).toMatch(/^[0-9a-z.]{3,60}$/)
        expect(parseEntry(text)).toEqual(entry)
      }),
    )
  })

  test.each([
    '',
    '1',
    '1.pin',
    '1.pin.',
    '1.pin.-1',
    '2.abc.1.1.1',
    '1.abc.0.1.1',
    '1.abc.1.1',
    '1.abc.1.1.1.1',
    '1.ABC.1.1.1',
    '1.abc.1.1.1\n',
    '1.abc.zzzzzzz.1.1',
    '1.abc.1.zzzzzzzzzzzzz.1',
    '1.abc.1.1e3.1 ',
    "1.abc.1.1.1'; drop table item",
    `1.${'a'.repeat(5000)}.1.1.1`,
  ])('%j is none', (text) => {
    expect(parseEntry(text)).toBeUndefined()
  })

  test('any text is an entry or none, and never more than that', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({
            unit: fc.constantFrom('1', '.', 'p', 'i', 'n', 'a', 'z', '0', '~', ',', ' '),
          }),
        ),
        (text) => {
          const entry = parseEntry(text)
          if (entry !== undefined) expect(parseEntry(printEntry(entry))).toEqual(entry)
          expect(Array.isArray(parseToken(text))).toBe(true)
        },
      ),
    )
  })
})

describe('a token', () => {
  test('has the furthest entry of each cluster, and the latest pin', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 8 }), (list) => {
        const parsed = parseToken(printToken(list))
        const keys = parsed.map((entry) => (entry.type === 'pin' ? 'pin' : entry.cluster))
        expect(new Set(keys).size).toBe(keys.length)
        expect(parseToken(printToken(parsed))).toEqual(parsed)
      }),
    )
  })

  test('may be several, joined by commas', () => {
    fc.assert(
      fc.property(positions, pins, (position, pin) => {
        const text = `${printToken([position])}, ${printToken([pin])}`
        expect(parseToken(text)).toEqual([position, pin])
      }),
    )
  })

  test('of many responses at once counts to the last', () => {
    const list = Array.from({ length: 100 }, (_, index) => `1.c.1.${(index + 1).toString(36)}.1`)
    expect(parseToken(list.join(', '))).toMatchObject([{ lsn: 100n }])
  })

  test('has no more clusters than an app has, however many are sent', () => {
    const list = Array.from({ length: 500 }, (_, index) => `1.c${index.toString(36)}.1.5.1`)
    expect(parseToken(list.join('~'))).toHaveLength(16)
  })

  test('what calls itself a pin and is none takes the place of no pin', () => {
    const text = '1.pin.tp23a1~1.pin.1.zz.tp23a1'
    expect(parseToken(text)).toHaveLength(2)
    expect(parseToken(text)[0]).toMatchObject({ type: 'pin' })
  })

  test('what is none is left out', () => {
    expect(parseToken('1.abc.1.5.1~garbage~1.pin.zz;')).toEqual([
      { type: 'position', cluster: 'abc', timeline: 1, lsn: 5n, issuedAt: 1 },
    ])
  })
})

describe('a position in SQL', () => {
  test('is printed from a number as the server prints it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_LSN }), (lsn) => {
        const text = printLsn(lsn)
        expect(text).toMatch(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
        expect(parseLsn(text)).toBe(lsn)
      }),
    )
    expect(printLsn(0x16_b374_d848n)).toBe('16/B374D848')
  })

  test.each([undefined, null, 5, '', '1', '1/', 'g/1', '1/123456789', "0/1'"])(
    '%j is none',
    (text) => {
      expect(parseLsn(text)).toBeUndefined()
    },
  )
})
