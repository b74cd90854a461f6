import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Answer } from '../answer.js'
import { callNative, type NativeMethod } from './call-native.js'
import { forgetHeaders } from './response-state.js'

/**
 * Answers with an empty body in place of whatever was prepared, past every middleware that wrapped this response: none of
 * them may add a cookie to it, compress it or save a session for it.
 *
 * @param during the call of the app that is replaced. Anything but `end` closes the connection: the app has not come to its
 * end, and what it does to this socket on an error (Express destroys it) must not meet another request.
 */
export function sendInstead(res: ServerResponse, answer: Answer, during: NativeMethod): void {
  forgetHeaders(res)
  for (const name of res.getHeaderNames()) {
    // Between this process and its proxy, and set when the server is about to stop.
    if (name !== 'connection') res.removeHeader(name)
  }
  for (const [name, value] of answer.headers) res.setHeader(name, value)
  if (during !== 'end' && res.req.httpVersionMajor < 2) res.setHeader('connection', 'close')
  // As for 204 and 304 in Node: a `write` that is under way drops its chunk.
  Reflect.set(res, '_hasBody', false)
  res.on('error', ignore)
  // A source that was piped in is let go when we end; it flows on to its own end.
  res.on('unpipe', (source: Readable) => source.resume())
  callNative(res, 'writeHead', [answer.status, answer.statusText])
  // Node itself calls `writeHead`, in the middle of `write` and `end`.
  if (during !== 'writeHead') callNative(res, 'end', [])
  else process.nextTick(() => res.writableEnded || callNative(res, 'end', []))
}

function ignore(): void {}
