import type { HeaderPlatform, ReplayOrder } from './platform/replay-platform.js'

/** An answer of ours, in place of the handler's. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

const REGION = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/

/** Whether a value can be named in a header as a region. */
export function isRegion(value: string | undefined): value is string {
  return value !== undefined && REGION.test(value)
}

/**
 * The answer that asks the platform for a replay. 409 is Fly's own convention: were it not intercepted, a client would see
 * an error, never a success.
 */
export function replayAnswer(platform: HeaderPlatform, order: ReplayOrder): Answer {
  return {
    status: 409,
    statusText: 'Conflict',
    headers: [...platform.encode(order), ['cache-control', 'no-store'], ['content-length', '0']],
    body: '',
  }
}

/** Why a request can be served nowhere now. */
export type Refusal = 'replayed' | 'unreachable' | 'busy' | 'no-answer'

/** The answer to a request that can neither be replayed nor, by option or because its handler has run, be forwarded. */
export function refusalAnswer(because: Refusal): Answer {
  return because === 'no-answer'
    ? plainAnswer(
        502,
        'Bad Gateway',
        'The primary region did not answer. What the request asks for may have been done.',
        [],
      )
    : plainAnswer(503, 'Service Unavailable', 'This region cannot serve the request now.', [
        ['retry-after', '1'],
      ])
}

/** The answer to a request whose body is too large to be replayed, and by option is not forwarded. */
export function tooLargeAnswer(maxBodyBytes: number): Answer {
  return plainAnswer(
    413,
    'Content Too Large',
    `The request body is over ${maxBodyBytes} bytes, the limit in this region.`,
    [],
  )
}

/** An answer as the web has it. */
export function toResponse({ status, statusText, headers, body }: Answer): Response {
  const list = headers.map(([name, value]): [string, string] => [name, value])
  return new Response(body === '' ? null : body, { status, statusText, headers: list })
}

function plainAnswer(
  status: number,
  statusText: string,
  text: string,
  headers: Answer['headers'],
): Answer {
  const body = `${text}\n`
  return {
    status,
    statusText,
    headers: [
      ...headers,
      ['cache-control', 'no-store'],
      ['content-type', 'text/plain; charset=utf-8'],
      ['content-length', String(body.length)],
    ],
    body,
  }
}
