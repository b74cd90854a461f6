import { asText } from './as-text.js'
import type { ParsedOptions } from './driver-internals.js'

/**
 * The driver's own type query. It runs it inside each connection in a promise nobody holds: a failure there ends the
 * process, so lanes are made without it and ask as an ordinary statement.
 *
 * @see https://github.com/porsager/postgres/blob/v3.4.9/src/connection.js (fetchArrayTypes; read 2026-11-25)
 */
export const ARRAY_TYPES = `
      select b.oid, b.typarray
      from pg_catalog.pg_type a
      left join pg_catalog.pg_type b on b.oid = a.typelem
      where a.typcategory = 'A'
      group by b.oid, b.typarray
      order by b.oid
    `

const BOX_ARRAY = 1020

/** Teaches options that several connections share about the array types a server has. */
export function learnArrayTypes(options: ParsedOptions, rows: readonly unknown[]): void {
  const { parsers, serializers, shared } = options
  for (const row of rows) {
    const oid = Number(Reflect.get(Object(row), 'oid'))
    const typarray = Number(Reflect.get(Object(row), 'typarray'))
    if (parsers[typarray] !== undefined && serializers[typarray] !== undefined) continue
    const parser = parsers[oid]
    // Of all types, only box separates the elements of an array by a semicolon.
    const delimiter = typarray === BOX_ARRAY ? ';' : ','
    shared.typeArrayMap[oid] = typarray
    // The driver cuts off the opening brace where this mark is set.
    const parse = (text: string): unknown[] => parseArray(text, parser, delimiter)
    parsers[typarray] = Object.assign(parse, { array: true })
    serializers[typarray] = (value) =>
      serializeArray(value, serializers[oid], options.transform.undefined, delimiter)
  }
}

type Parse = ((text: string) => unknown) | undefined
type Serialize = ((value: unknown) => unknown) | undefined

/**
 * Parses an array without its opening brace, character for character as the driver does, peculiarities included.
 *
 * @see https://github.com/porsager/postgres/blob/v3.4.9/src/types.js (arrayParserLoop; read 2026-11-25)
 */
function parseArray(text: string, parser: Parse, delimiter: string): unknown[] {
  let position = 0
  let last = 0
  let quoted = false
  let character = ''
  let before = ''
  let element = ''
  const parse = (part: string): unknown => (parser === undefined ? part : parser(part))

  function level(): unknown[] {
    const elements: unknown[] = []
    for (; position < text.length; position++) {
      character = text.charAt(position)
      if (quoted) {
        if (character === '\\') {
          element += text.charAt(++position)
        } else if (character === '"') {
          elements.push(parse(element))
          element = ''
          quoted = text[position + 1] === '"'
          last = position + 2
        } else {
          element += character
        }
      } else if (character === '"') {
        quoted = true
      } else if (character === '{') {
        last = ++position
        elements.push(level())
      } else if (character === '}') {
        quoted = false
        if (last < position) elements.push(parse(text.slice(last, position)))
        last = position + 1
        break
      } else if (character === delimiter && before !== '}' && before !== '"') {
        elements.push(parse(text.slice(last, position)))
        last = position + 1
      }
      before = character
    }
    if (last < position) elements.push(parse(text.slice(last, position + 1)))
    return elements
  }
  return level()
}

function serializeArray(
  value: unknown,
  serialize: Serialize,
  whenUndefined: unknown,
  delimiter: string,
): unknown {
  if (!Array.isArray(value)) return value
  if (value.length === 0) return '{}'
  const inner = (given: unknown): string => {
    const element: unknown = given === undefined ? whenUndefined : given
    if (element === undefined) throw undefinedValue()
    if (element === null) return 'null'
    const typed: unknown = Reflect.get(Object(element), 'type')
    const raw: unknown = typed ? Reflect.get(Object(element), 'value') : element
    const text = asText(serialize === undefined ? element : serialize(raw))
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  }
  const [first]: unknown[] = value
  const nested = Array.isArray(first) && !Reflect.get(first, 'type')
  const parts = nested
    ? value.map((each) => serializeArray(each, serialize, whenUndefined, delimiter))
    : value.map(inner)
  return `{${parts.join(delimiter)}}`
}

function undefinedValue(): Error {
  const code = 'UNDEFINED_VALUE'
  return Object.assign(new Error(`${code}: Undefined values are not allowed`), { code })
}
