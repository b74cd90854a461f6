import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createNodeBase } from './node-base.js'
import type { FlybackOptions } from './options.js'
import { createUpgradeBase, type UpgradeListener } from './upgrade-base.js'

export * from './shared.js'
export type { UpgradeListener }

/** A middleware as Connect, Express, Polka and others take it. */
export type NodeMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** A request listener as `http.createServer` takes it. */
export type NodeHandler = (req: IncomingMessage, res: ServerResponse) => unknown

/**
 * A Connect-style middleware that replays a request in the primary region when a write in it was refused. Mount it first.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const app = connect()
 * app.use(flyback())
 */
export function flyback(options: FlybackOptions<IncomingMessage> = {}): NodeMiddleware {
  const serve = createNodeBase(options, (req: IncomingMessage) => ({ req }))
  return function flybackMiddleware(req, res, next) {
    serve(req, res, { run: () => next(), fail: next })
  }
}

/**
 * A request listener, with a replay of the request in the primary region when a write in it was refused. A refusal it
 * throws, or rejects with, needs no handling; any other error is thrown on, as Node would have seen it.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * createServer(withFlyback(async (req, res) => {
 *   await pool.query('insert into visits default values')
 *   res.end('thank you')
 * }))
 */
export function withFlyback(
  handler: NodeHandler,
  options: FlybackOptions<IncomingMessage> = {},
): (req: IncomingMessage, res: ServerResponse) => void {
  const serve = createNodeBase(options, (req: IncomingMessage) => ({ req }))
  return function flybackHandler(req, res) {
    serve(req, res, {
      run(served) {
        const settle = (error: unknown): void => {
          if (!served?.settle(error)) throw error
        }
        try {
          const result = handler(req, res)
          if (result instanceof Promise) void result.catch(settle)
        } catch (error) {
          settle(error)
        }
      },
      fail(error) {
        throw error
      },
    })
  }
}

/**
 * A listener of `upgrade` events, whose request is replayed before the connection is upgraded: by its policy (an upgrade is a
 * GET, so it is attempted unless a rule says otherwise), or when something was refused before the first bytes of the answer.
 * For Express, Koa and everything else on `http.Server`.
 *
 * What runs until the answer has begun belongs to the request. Messages come after it and belong to no request: what they
 * write goes into `runOnPrimary`. With `httpProxy` nothing carries an upgrade: it stays here, and writes go to the primary.
 *
 * @throws {@link ConfigurationError} at once, naming the option that cannot be used
 *
 * @example
 * const sockets = new WebSocketServer({ noServer: true })
 * server.on('upgrade', withFlybackUpgrade((req, socket, head) => {
 *   sockets.handleUpgrade(req, socket, head, (connection) => sockets.emit('connection', connection, req))
 * }))
 */
export function withFlybackUpgrade(
  listener: UpgradeListener,
  options: FlybackOptions<IncomingMessage> = {},
): (req: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return createUpgradeBase(options, listener)
}
