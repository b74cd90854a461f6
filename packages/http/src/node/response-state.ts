import type { ServerResponse } from 'node:http'

/**
 * Whether bytes of a response are on their way. For HTTP/1 in Node that is later than `headersSent`, which is true as soon
 * as `writeHead` has noted the headers.
 *
 * @see https://github.com/nodejs/node/blob/v24.x/lib/_http_outgoing.js (read 2026-11-25)
 */
export function isBegun(res: ServerResponse): boolean {
  const begun: unknown = Reflect.get(res, '_headerSent')
  return typeof begun === 'boolean' && res.req.httpVersionMajor < 2 ? begun : res.headersSent
}

/** Takes back the headers that `writeHead` has noted, unless the response has begun. */
export function forgetHeaders(res: ServerResponse): void {
  if (!res.headersSent || isBegun(res)) return
  Reflect.set(res, '_header', null)
  Reflect.set(res, 'chunkedEncoding', false)
}
