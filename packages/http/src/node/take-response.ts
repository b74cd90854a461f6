import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { callNative, type NativeMethod } from './call-native.js'
import { resetConnection } from './reset-connection.js'
import { forgetHeaders } from './response-state.js'

/** A response that is ours alone. */
export interface TakenResponse {
  /** Answers with a response of elsewhere, as it comes and no faster than the client reads. Never rejects. */
  send(response: Response): Promise<void>
}

/**
 * Takes a response away from the app and from every middleware that wrapped it: what they still write goes nowhere, also
 * while ours is under way.
 */
export function takeResponse(res: ServerResponse): TakenResponse {
  const { method, httpVersion, httpVersionMajor } = res.req
  // Handlers of errors give up the connection of a response whose headers are out.
  forgetHeaders(res)
  const callOurs = httpVersionMajor < 2 ? closeGate(res) : callNative.bind(undefined, res)
  res.on('error', ignore)
  res.on('unpipe', (source: Readable) => source.resume())

  function setHeaders({ headers, status, body }: Response, hasBody: boolean): void {
    forgetHeaders(res)
    for (const name of res.getHeaderNames()) {
      // Between this process and its proxy, and set when the server is about to stop.
      if (name !== 'connection') res.removeHeader(name)
    }
    for (const [name, value] of headers) res.setHeader(name, value)
    const cookies = headers.getSetCookie()
    if (cookies.length > 0) res.setHeader('set-cookie', cookies)
    if (method === 'HEAD' || headers.has('content-length')) return
    if (body === null && status !== 204 && status !== 304) res.setHeader('content-length', '0')
    // Node would go by what the app meant to send.
    if (hasBody && httpVersion === '1.1') res.setHeader('transfer-encoding', 'chunked')
  }

  /** Resolves when a chunk is on its way, or nobody is left to read it. */
  function write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        res.off('close', done)
        resolve()
      }
      res.on('close', done)
      callOurs('write', [chunk, done], true)
    })
  }

  async function send(response: Response): Promise<void> {
    const { status, statusText, body } = response
    const hasBody = body !== null && method !== 'HEAD'
    if (res.closed || res.destroyed) {
      await body?.cancel()
      return
    }
    setHeaders(response, hasBody)
    callOurs('writeHead', httpVersionMajor < 2 ? [status, statusText] : [status], hasBody)
    callOurs('flushHeaders', [], hasBody)
    for await (const chunk of body ?? []) {
      if (res.closed || res.destroyed) return
      await write(chunk)
    }
    Reflect.set(res, '_trailer', '')
    callOurs('end', [], hasBody)
  }

  /** Broken off there, so broken off here. */
  function breakOff(): void {
    resetConnection(res)
    callNative(res, 'destroy', [])
  }

  return { send: (response) => send(response).catch(breakOff) }
}

/**
 * Lets nothing of a response through any more but what is called here. A middleware in front of our hook still has Node's
 * own methods: to those our answer has no body, and has not begun, so that all they would send is the end of it.
 *
 * @see https://github.com/nodejs/node/blob/v26.x/lib/_http_outgoing.js (read 2026-11-25)
 */
function closeGate(
  res: ServerResponse,
): (name: NativeMethod, args: readonly unknown[], hasBody: boolean) => void {
  const nativeSend: unknown = Reflect.get(res, '_send')
  let isOurs = false
  let areHeadersSent = false

  function ours<T>(run: () => T): T {
    if (isOurs) return run()
    isOurs = true
    Reflect.set(res, '_headerSent', areHeadersSent)
    try {
      return run()
    } finally {
      areHeadersSent = Reflect.get(res, '_headerSent') === true
      close()
    }
  }

  function close(): void {
    isOurs = false
    Reflect.set(res, '_hasBody', false)
    Reflect.set(res, '_headerSent', false)
  }

  if (typeof nativeSend === 'function') {
    // `flushHeaders` names no encoding, and would send headers in another one than everything else does.
    Reflect.set(res, '_send', (data: unknown, encoding: unknown = 'latin1', ...rest: unknown[]) => {
      // Since Node 26 chunks are sent a tick after they were written; only ours are.
      const isLate = areHeadersSent && data !== ''
      if (!isOurs && !isLate) return true
      return ours<unknown>(() => Reflect.apply(nativeSend, res, [data, encoding, ...rest]))
    })
  }
  close()
  // What the app has corked it need not uncork any more; Node's own `end` corks and uncorks.
  const uncork = res.uncork.bind(res)
  while (res.writableCorked > 0) uncork()
  res.cork = ignore
  res.uncork = () => {
    if (res.writableCorked > 0) uncork()
  }

  return (name, args, hasBody) =>
    ours(() => {
      Reflect.set(res, '_hasBody', hasBody)
      // Someone's `end` that went nowhere.
      if (res.writableEnded) Reflect.set(res, 'finished', false)
      callNative(res, name, args)
    })
}

function ignore(): void {}
