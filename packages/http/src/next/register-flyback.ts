import type { IncomingMessage } from 'node:http'
import type { FlybackOptions } from '../options.js'

/**
 * The `register` of `instrumentation.ts`: every request to the server that Next listens with (of `next start`, of the
 * standalone `server.js`, or a custom one on the same `PORT`) is replayed in the primary region when a write in it was
 * refused, be it in a page, a server action, a route handler or a handler of the Pages Router. Does nothing while Next builds,
 * in the edge runtime, and with no region variables.
 *
 * A write that comes after the first byte of a streamed page, in `after()` or while a cached page is made anew runs on the
 * primary from here.
 *
 * @returns rejects with {@link ConfigurationError}, naming the option that cannot be used; then Next does not start
 *
 * @example
 * // instrumentation.ts
 * export { registerFlyback as register } from '@flyback/http/next'
 */
export async function registerFlyback(
  options: FlybackOptions<IncomingMessage> = {},
): Promise<void> {
  // Next puts the runtime in here as it builds, once for each, and leaves out what the condition rules out.
  if (process.env['NEXT_RUNTIME'] !== 'edge') {
    const { serveRequests } = await import('./serve-requests.js')
    serveRequests(options)
  }
}
