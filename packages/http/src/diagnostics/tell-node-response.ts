import type { ServerResponse } from 'node:http'
import type { ToldRequest } from './told-request.js'

const SERVER_TIMING = 'server-timing'

/** Tells the end of a response, and adds Server-Timing to its headers as they go out. */
export function tellNodeResponse(res: ServerResponse, told: ToldRequest): void {
  res.once('close', () =>
    told.end(res.headersSent ? res.statusCode : undefined, res.writableFinished),
  )
  const writeHead: unknown = Reflect.get(res, 'writeHead')
  if (typeof writeHead !== 'function') return
  Reflect.set(res, 'writeHead', (...args: unknown[]): unknown => {
    const value = res.headersSent ? undefined : told.timing()
    return Reflect.apply(writeHead, res, value === undefined ? args : withTiming(res, args, value))
  })
}

/**
 * Headers given to `writeHead` win over those that were set, so the value goes where the app's own would: into a copy of
 * what was given, which may be an object, a flat list, or a list of pairs.
 *
 * @see https://nodejs.org/api/http.html#responsewriteheadstatuscode-statusmessage-headers (read 2026-11-25)
 */
function withTiming(res: ServerResponse, args: unknown[], value: string): unknown[] {
  const given = args.at(-1)
  const set: unknown = res.getHeader(SERVER_TIMING)
  if (typeof given !== 'object' || given === null) {
    res.setHeader(SERVER_TIMING, joined(set, value))
    return args
  }
  const entries = entriesOf(given)
  const own = entries.filter(([name]) => isServerTiming(name)).map(([, content]) => content)
  const kept = entries.filter(([name]) => !isServerTiming(name))
  const all = [...kept, [SERVER_TIMING, joined(own.length > 0 ? own : set, value)] as const]
  return [...args.slice(0, -1), Array.isArray(given) ? all.flat() : Object.fromEntries(all)]
}

function entriesOf(given: object): (readonly [name: unknown, content: unknown])[] {
  if (!Array.isArray(given)) return Object.entries(given)
  const list: unknown[] = given.flat()
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]] as const] : []))
}

function isServerTiming(name: unknown): boolean {
  return typeof name === 'string' && name.toLowerCase() === SERVER_TIMING
}

function joined(before: unknown, value: string): string {
  const values = before === undefined ? [value] : [before, value].flat(2)
  return values.map(String).join(', ')
}
