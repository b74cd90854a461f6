import type { ServerResponse } from 'node:http'

/**
 * Whether bytes of a response are on their way. In Node that is later than `headersSent`, which is true as soon as
 * `writeHead` has noted the headers; in Bun and in HTTP/2 it is the same.
 *
 * @see https://github.com/nodejs/node/blob/v24.x/lib/_http_outgoing.js (read 2026-11-25)
 */
export function isBegun(res: ServerResponse): boolean {
  return res.headersSent && (res.writableEnded || !areHeadersNoted(res))
}

/** Takes back headers that were only noted. */
export function forgetHeaders(res: ServerResponse): void {
  if (!areHeadersNoted(res)) return
  Reflect.set(res, '_header', null)
  Reflect.set(res, 'chunkedEncoding', false)
}

function areHeadersNoted(res: ServerResponse): boolean {
  return (
    typeof Reflect.get(res, '_header') === 'string' && Reflect.get(res, '_headerSent') === false
  )
}
