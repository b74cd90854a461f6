import type { IncomingMessage } from 'node:http'
import { ConfigurationError } from '@flyback/core'
import { isNitro2App, isNitro3App, type Nitro2App, type Nitro3App } from './nitro/nitro-app.js'
import { serveNitro2 } from './nitro/serve-nitro-2.js'
import { serveNitro3 } from './nitro/serve-nitro-3.js'
import type { FlybackOptions } from './options.js'

export * from './shared.js'

/** A plugin as Nitro runs it once, when the server starts. */
export type NitroPlugin = (nitroApp: Nitro2App | Nitro3App) => void

/**
 * A Nitro plugin that replays a request in the primary region when a write in it was refused: before every middleware, route
 * rule and cache of the app. For Nitro 3, and for Nitro 2, which is Nuxt's, on Node. What it does to a request happens to
 * those that come in over the network; one that the app makes to itself is part of what makes it.
 *
 * `match` gets Node's request in Nitro 2, the web's in Nitro 3.
 *
 * @throws {@link ConfigurationError} when the server starts, naming the option that cannot be used, or when it is no Nitro
 *   that Flyback knows
 *
 * @example
 * // server/plugins/flyback.ts in Nuxt, plugins/flyback.ts in Nitro
 * export default flyback()
 */
export function flyback(options: FlybackOptions<IncomingMessage | Request> = {}): NitroPlugin {
  return function flybackPlugin(nitroApp) {
    if (isNitro2App(nitroApp)) serveNitro2(nitroApp, options)
    else if (isNitro3App(nitroApp)) serveNitro3(nitroApp, options)
    else throw new ConfigurationError('flyback()', 'was given to what is no app of Nitro 2 or 3')
  }
}
