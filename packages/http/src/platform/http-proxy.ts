import { ConfigurationError } from '@flyback/core'
import { carriedHeaders } from './carried-headers.js'
import type { CarryingPlatform } from './replay-platform.js'
import { findReplayState, formatReplayState } from './replay-state.js'
import { sendRequest } from './send-request.js'

export interface HttpProxyOptions {
  /**
   * Where the app runs in the primary region: an `http:` or `https:` URL of a host and a port, reachable from every other
   * region, better by a private network. Nothing but this app should answer there.
   */
  readonly url: string | URL
  /**
   * The largest request body that is carried, in bytes. Until it is known whether a request is carried, its body is kept in
   * memory; a larger one is forwarded, never lost.
   *
   * @default 1_000_000
   */
  readonly maxBodyBytes?: number
  /** How long opening a connection may take, in milliseconds. @default 2000 */
  readonly connectTimeoutMs?: number
  /** How long the answer's headers may take once the request is on its way, in milliseconds. @default no limit */
  readonly timeoutMs?: number
}

/** The request header that says that Flyback sent it here, in the form of Fly's `fly-replay-src`. */
const SOURCE = 'flyback-replay-src'

/** What a timer can wait: 24 days. */
const MAX_MS = 2 ** 31 - 1

/** Node's servers close a connection that was idle for 5 seconds: none is used again by then. */
const IDLE_MS = 4000

/**
 * For platforms without a replay header: this process sends the request to the app in the primary region, and passes on the
 * answer. One that cannot be reached has received nothing, and the request is served here.
 *
 * Needs `node:http`: Node, Bun or Deno.
 *
 * @throws {@link ConfigurationError} for an option out of range
 *
 * @example
 * app.use(flyback({ platform: httpProxy({ url: 'http://app-ewr.internal:3000' }) }))
 */
export function httpProxy(options: HttpProxyOptions): CarryingPlatform {
  const { maxBodyBytes = 1_000_000, connectTimeoutMs = 2000, timeoutMs } = options
  const url = readPrimaryUrl(options.url, 'httpProxy({ url })')
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0) {
    throw new ConfigurationError('httpProxy({ maxBodyBytes })', 'must be a whole number of bytes')
  }
  for (const [name, value] of Object.entries({ connectTimeoutMs, timeoutMs })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0 && value <= MAX_MS)) {
      throw new ConfigurationError(
        `httpProxy({ ${name} })`,
        'must be a whole number of milliseconds, of 24 days at most',
      )
    }
  }
  // Not imported, so that bundles for other runtimes load. `fetch` will not do: it resolves dots in a path, decodes bodies,
  // has no limit for connecting, and does not tell everywhere whether it connected.
  const isSecure = url.protocol === 'https:'
  const transport = globalThis.process?.getBuiltinModule?.(isSecure ? 'node:https' : 'node:http')
  if (transport === undefined) {
    throw new ConfigurationError('httpProxy()', 'needs node:http, which this runtime does not have')
  }
  const route = {
    request: transport.request,
    agent: new transport.Agent({ keepAlive: true, timeout: IDLE_MS }),
    url,
    openEvent: isSecure ? 'secureConnect' : 'connect',
    connectTimeoutMs,
    timeoutMs,
  } as const

  return {
    name: 'http-proxy',
    carry(request, { reason }) {
      const { method, target: path, body = [], signal } = request
      const marks = { host: url.host, [SOURCE]: `state=${formatReplayState(reason)}` }
      return sendRequest(route, {
        method,
        path,
        headers: carriedHeaders(request, marks),
        body,
        signal,
      })
    },
    readOrigin(header) {
      const state = findReplayState(header(SOURCE))
      return {
        replayed: state !== undefined,
        ...(state?.reason === 'stale' && { stale: true }),
        cached: false,
        failed: false,
      }
    },
    limits: { maxBodyBytes },
  }
}

/** @throws {@link ConfigurationError} naming the setting, never the value: it may hold credentials */
export function readPrimaryUrl(value: unknown, setting: string): URL {
  const text = String(value)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (!isWeb || url.href !== `${url.origin}/`) {
    throw new ConfigurationError(
      setting,
      'must be an http or https URL with a host, a port if need be, and nothing else',
    )
  }
  return url
}
