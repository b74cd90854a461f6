import { acquireConnection, type Routing } from '@flyback/core'
import { bindToCaller, currentScope, runOutsideScope } from '@flyback/core/scope'
import { Checkout } from './checkout.js'
import type { DriverQuery, DriverSql } from './driver-internals.js'
import type { LaneSet } from './lane-set.js'
import { laneSource } from './lane-source.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 10_000

interface Listener {
  readonly fn: (payload: string) => void
  readonly onListen: (() => void) | undefined
}

interface Channel {
  listeners: Listener[]
  result: Promise<{ readonly state: unknown }>
}

/**
 * LISTEN, on a connection of its own to the writer endpoint: a standby has none. When that connection ends, in a failover
 * say, every channel is listened to again as soon as there is a primary; the driver tries once.
 */
export class Listening {
  readonly #routing: Routing
  readonly #template: DriverSql
  readonly #set: LaneSet
  readonly #channels = new Map<string, Channel>()
  #checkout: Promise<Checkout> | undefined
  #retry: NodeJS.Timeout | undefined
  #ended = false

  /** @param open makes the set of the one connection, given who hears of notifications */
  constructor(
    routing: Routing,
    template: DriverSql,
    open: (onNotify: (channel: string, payload: string) => void) => LaneSet,
  ) {
    this.#routing = routing
    this.#template = template
    this.#set = open((channel, payload) => {
      for (const { fn } of this.#channels.get(channel)?.listeners ?? []) fn(payload)
    })
  }

  /** As `sql.listen`. */
  async listen(
    name: string,
    fn: (payload: string) => void,
    onListen: (() => void) | undefined,
  ): Promise<{ state: unknown; unlisten: () => Promise<unknown> }> {
    this.#routing.router.choose(currentScope(), 'primary')
    const listener: Listener = {
      fn: bindToCaller(fn),
      onListen: onListen && bindToCaller(onListen),
    }
    const channel = this.#channels.get(name) ?? { listeners: [], result: this.#start(name) }
    channel.listeners.push(listener)
    this.#channels.set(name, channel)
    try {
      const { state } = await channel.result
      onListen?.()
      return { state, unlisten: () => this.#unlisten(name, listener) }
    } catch (error) {
      this.#forget(name, listener)
      throw error
    }
  }

  async #unlisten(name: string, listener: Listener): Promise<unknown> {
    if (!this.#forget(name, listener)) return undefined
    const checkout = await this.#checkout
    return await checkout?.adopt(this.#command('unlisten', name))
  }

  /** Whether it was the last listener of its channel. */
  #forget(name: string, listener: Listener): boolean {
    const channel = this.#channels.get(name)
    if (channel === undefined) return false
    channel.listeners = channel.listeners.filter((each) => each !== listener)
    return channel.listeners.length === 0 && this.#channels.delete(name)
  }

  async #start(name: string): Promise<{ readonly state: unknown }> {
    this.#checkout ??= this.#connect()
    const checkout = await this.#checkout
    // A result of the driver has the state of its connection.
    return (await checkout.adopt(this.#command('listen', name))) as { state: unknown }
  }

  #command(command: string, name: string): DriverQuery {
    return this.#template.unsafe(`${command} "${name.replaceAll('"', '""')}"`)
  }

  async #connect(): Promise<Checkout> {
    try {
      const ask = { scope: undefined, endpoint: 'writer', hint: 'primary', attempt: 0 } as const
      const sets = { writer: this.#set, replica: this.#set }
      const lane = await acquireConnection(this.#routing, laneSource(sets, true), ask)
      const checkout = new Checkout(sets, lane, undefined)
      checkout.lost.catch(() => {
        this.#checkout = undefined
        runOutsideScope(() => this.#recover(FIRST_RETRY_MS))
      })
      return checkout
    } catch (error) {
      this.#checkout = undefined
      throw error
    }
  }

  #recover(delayMs: number): void {
    if (this.#ended || this.#channels.size === 0) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      this.#restart().catch(() => this.#recover(Math.min(delayMs * 2, LAST_RETRY_MS)))
    }, delayMs)
    this.#retry.unref?.()
  }

  async #restart(): Promise<void> {
    await Promise.all(
      [...this.#channels].map(async ([name, channel]) => {
        channel.result = this.#start(name)
        await channel.result
        for (const { onListen } of channel.listeners) onListen?.()
      }),
    )
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#retry)
    this.#channels.clear()
    this.#set.destroy()
  }
}
