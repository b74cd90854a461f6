import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DelayedDuplex } from './delayed-duplex.js'
import { listen } from './listen.js'
import type { Address, Wan } from './wan.js'

export interface RelayTarget extends Address {
  readonly region: string
}

export interface RelayOptions {
  readonly region: string
  readonly host: string
  /** The port to take when it is free; 0 or a taken port: any. */
  readonly port: number
  readonly wan: Wan
  /** Where to connect to, asked for each connection. `undefined`: nowhere at the moment. */
  readonly target: () => RelayTarget | undefined
}

/** How long a client gets to read what was said before a refused connection is torn down. */
const LINGER_MS = 1000

/**
 * A TCP listener in one region that passes connections on to a target that may move. Without a target, or when it
 * refuses, the client's connection is accepted and closed, as HAProxy does without a live server.
 */
export class Relay {
  readonly host: string
  readonly port: number
  readonly #server: Server
  readonly #options: RelayOptions
  readonly #clients = new Set<Socket>()
  readonly #pairs = new Map<Socket, Duplex>()

  private constructor(server: Server, port: number, options: RelayOptions) {
    this.#server = server
    this.#options = options
    this.host = options.host
    this.port = port
    server.on('connection', (client: Socket) => this.#accept(client))
  }

  static async start(options: RelayOptions): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    return new Relay(server, await listen(server, options.host, options.port), options)
  }

  /** Ends all connections at both ends; new ones go to the present target. */
  dropConnections(): void {
    for (const [client, upstream] of this.#pairs) {
      if (upstream instanceof DelayedDuplex) upstream.sever()
      else upstream.destroy()
      client.destroy()
    }
    this.#pairs.clear()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.dropConnections()
    for (const client of this.#clients) client.destroy()
    await closed
  }

  #accept(client: Socket): void {
    this.#clients.add(client)
    client.on('error', ignore)
    client.on('close', () => this.#clients.delete(client))
    const { region, target, wan } = this.#options
    const to = target()
    if (to === undefined) {
      closeGently(client)
      return
    }
    const upstream = wan.dial(region, to.region, { host: to.host, port: to.port })
    this.#pairs.set(client, upstream)
    upstream.on('error', ignore)
    client.on('close', () => {
      this.#pairs.delete(client)
      upstream.destroy()
    })
    upstream.on('close', () => closeGently(client))
    client.pipe(upstream)
    upstream.pipe(client)
  }
}

/** Sends a FIN and reads on for a while: closing with unread bytes would send a reset instead. */
function closeGently(client: Socket): void {
  if (client.destroyed) return
  client.unpipe()
  client.resume()
  client.end(() => {
    const timer = setTimeout(() => client.destroy(), LINGER_MS).unref()
    client.on('close', () => clearTimeout(timer))
  })
}

function ignore(): void {}
