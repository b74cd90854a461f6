import type { ServerResponse } from 'node:http'
import { privateCacheControl } from '../token/private-response.js'
import type { HeaderLine } from '../token/token-carrier.js'
import { sendsHeadersAtOnce } from './response-state.js'

const CACHE_CONTROL = 'cache-control'

/** Puts lines of ours into the headers of a response, as late as they can be known. */
export interface HeaderLines {
  /** Headers may be rendered now: to be called before that. Returns what to give to `writeHead`. */
  before(args?: readonly unknown[]): readonly unknown[]
  /** Headers are rendered, and may not be sent yet. */
  after(): void
}

/**
 * In Node headers are a text from `writeHead` to the first bytes: what is known only then goes into that text. In Bun and in
 * HTTP/2 they go out at once, so that the lines are set like others before.
 *
 * @param lines asked each time
 * @see https://github.com/nodejs/node/blob/v24.x/lib/_http_outgoing.js (read 2026-11-25)
 */
export function headerLines(res: ServerResponse, lines: () => readonly HeaderLine[]): HeaderLines {
  if (sendsHeadersAtOnce(res)) return setEarly(res, lines)
  let added = ''
  return {
    before: (args = []) => args,
    after() {
      const header: unknown = Reflect.get(res, '_header')
      if (typeof header !== 'string' || Reflect.get(res, '_headerSent') !== false) return
      const list = lines()
      const next = list.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      if (next === added) return
      const bare = header.replace(added, '')
      added = next
      Reflect.set(res, '_header', `${withPrivate(bare).slice(0, -2)}${next}\r\n`)
    },
  }
}

/** The text of headers, with a Cache-Control that lets nobody keep what is one client's. */
function withPrivate(header: string): string {
  const given: string[] = []
  const rest = header.replace(/^cache-control:(.*)\r\n/gim, (_line, value: string) => {
    given.push(value)
    return ''
  })
  return `${rest.slice(0, -2)}Cache-Control: ${privateCacheControl(given.join(','))}\r\n\r\n`
}

function setEarly(res: ServerResponse, lines: () => readonly HeaderLine[]): HeaderLines {
  return {
    before(args = []) {
      const list = res.headersSent ? [] : lines()
      if (list.length === 0) return args
      const given = args.at(-1)
      const own = typeof given === 'object' && given !== null ? entriesOf(given) : []
      // What `writeHead` is given wins over what was set.
      for (const [name, value] of own) res.setHeader(name, value)
      const cacheControl = res.getHeader(CACHE_CONTROL)
      res.setHeader(
        CACHE_CONTROL,
        privateCacheControl(cacheControl === undefined ? undefined : String(cacheControl)),
      )
      for (const [name, value] of list) {
        const before = name === 'Set-Cookie' ? [res.getHeader(name) ?? []].flat().map(String) : []
        // Called more than once: Bun does not say that headers are out until they are.
        if (!before.includes(value))
          res.setHeader(name, before.length === 0 ? value : [...before, value])
      }
      return own.length > 0 ? args.slice(0, -1) : args
    },
    after() {},
  }
}

/** What `writeHead` takes: an object, pairs, or names and values by turns. */
function entriesOf(given: object): [name: string, value: string | string[]][] {
  const isByTurns = Array.isArray(given) && !Array.isArray(given[0])
  const list: unknown[] = isByTurns
    ? given
    : (Array.isArray(given) ? given : Object.entries(given)).flat(1)
  const merged = new Map<string, string[]>()
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = String(list[at])
    merged.set(name, [...(merged.get(name) ?? []), ...[list[at + 1]].flat().map(String)])
  }
  return [...merged].map(([name, values]) => {
    const [first, ...rest] = values
    return [name, first === undefined || rest.length > 0 ? values : first]
  })
}
