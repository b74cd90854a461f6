import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DelayedDuplex } from './delayed-duplex.js'
import { Link } from './link.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** The network between regions: what distance costs, and which regions are cut off. */
export class Wan {
  readonly #roundTripMs: (a: string, b: string) => number
  readonly #links = new Map<
    string,
    { readonly link: Link; readonly ends: readonly [string, string] }
  >()
  readonly #cut = new Set<string>()
  readonly #open = new Set<DelayedDuplex>()
  #scale = 0

  /** Starts with all distances off, see `setScale`. */
  constructor(roundTripMs: (a: string, b: string) => number) {
    this.#roundTripMs = roundTripMs
  }

  /** The round trip between two regions in milliseconds, as it is paid now (the scale is in it). */
  roundTripMs(a: string, b: string): number {
    return a === b ? 0 : this.#roundTripMs(a, b) * this.#scale
  }

  /** Multiplies all distances; 0 switches them off. */
  setScale(scale: number): void {
    this.#scale = scale
    this.#refresh()
  }

  /** All that crosses into or out of the region waits, until `heal`. */
  cut(region: string): void {
    this.#cut.add(region)
    this.#refresh()
  }

  heal(region: string): void {
    this.#cut.delete(region)
    this.#refresh()
  }

  isCut(region: string): boolean {
    return this.#cut.has(region)
  }

  /**
   * Opens a TCP connection from one region into another. It pays the distance between them, handshake included, and
   * goes silent while either region is cut off. Inside one region it is a plain socket.
   */
  dial(fromRegion: string, toRegion: string, address: Address): Duplex {
    return this.#connect(fromRegion, toRegion, address, 'paid')
  }

  /** As `dial`, over a connection that the two regions keep open between them: the handshake costs nothing. */
  tunnel(fromRegion: string, toRegion: string, address: Address): Duplex {
    return this.#connect(fromRegion, toRegion, address, 'none')
  }

  #connect(
    fromRegion: string,
    toRegion: string,
    address: Address,
    handshake: 'paid' | 'none',
  ): Duplex {
    const open = () => connect({ ...address, allowHalfOpen: true, noDelay: true })
    if (fromRegion === toRegion) return open()
    let socket: Socket | undefined
    const connection = new DelayedDuplex(
      this.#link(fromRegion, toRegion),
      () => {
        socket = open()
        // The far end outlives the near one for as long as the close is on its way.
        socket.on('close', () => this.#open.delete(connection))
        return socket
      },
      handshake,
    )
    this.#open.add(connection)
    connection.on('close', () => {
      if (socket === undefined) this.#open.delete(connection)
    })
    return connection
  }

  /** Ends every connection that `dial` opened between regions, also over cuts. */
  close(): void {
    for (const connection of this.#open) connection.sever()
    this.#open.clear()
  }

  #link(a: string, b: string): Link {
    const ends: [string, string] = a < b ? [a, b] : [b, a]
    const key = ends.join('-')
    const known = this.#links.get(key)
    if (known !== undefined) return known.link
    const link = new Link()
    this.#links.set(key, { link, ends })
    this.#refresh()
    return link
  }

  #refresh(): void {
    for (const { link, ends } of this.#links.values()) {
      const [a, b] = ends
      link.set({
        oneWayMs: this.roundTripMs(a, b) / 2,
        silent: this.#cut.has(a) || this.#cut.has(b),
      })
    }
  }
}
