import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { DelayLine } from './delay-line.js'
import type { Link } from './link.js'

/** Bytes on the way in one direction before the sender has to wait: 40 MB/s at a round trip of 200 ms. */
const WINDOW_BYTES = 4 * 1024 * 1024

type Done = (error?: Error | null) => void

/**
 * A TCP connection over a link: the handshake costs a round trip, each direction is late by the link's distance, and
 * order, pipelining, half-close, errors and back-pressure are kept. Emits `connect` as a socket does.
 */
export class DelayedDuplex extends Duplex {
  /** As of `net.Socket`: until the handshake is done. Node's http client reads it. */
  connecting = true
  #inner: Socket | undefined
  readonly #outbound: DelayLine
  readonly #inbound: DelayLine
  #whenConnected: (() => void) | undefined
  #whenRoom: Done | undefined
  readonly #handshakeMs: number | undefined

  /**
   * @param open opens the real connection; called when the handshake has arrived at the other end
   * @param handshake `none` for a stream over a connection that was open before, as between Fly's proxies
   */
  constructor(link: Link, open: () => Socket, handshake: 'paid' | 'none' = 'paid') {
    super()
    this.#handshakeMs = handshake === 'paid' ? undefined : 0
    this.#outbound = new DelayLine(link, () => this.#outboundMoved())
    this.#inbound = new DelayLine(link, () => this.#inboundMoved())
    this.#outbound.add(
      0,
      () => {
        this.#attach(open())
        return true
      },
      this.#handshakeMs,
    )
  }

  #attach(inner: Socket): void {
    this.#inner = inner
    let failure: Error | undefined
    let ended = false
    inner.on('connect', () => this.#inbound.add(0, () => this.#connected(), this.#handshakeMs))
    inner.on('data', (chunk: Buffer) => {
      this.#inbound.add(chunk.length, () => this.push(chunk))
      if (this.#inbound.sizeBytes > WINDOW_BYTES) inner.pause()
    })
    inner.on('drain', () => this.#outbound.resume())
    inner.on('end', () => {
      ended = true
      this.#inbound.add(0, () => {
        this.push(null)
        return true
      })
    })
    inner.on('error', (error) => {
      failure = error
    })
    inner.on('close', () => {
      this.#outbound.close()
      if (ended && failure === undefined) return
      this.#inbound.add(0, () => {
        this.destroy(failure)
        return false
      })
    })
  }

  #connected(): boolean {
    this.connecting = false
    this.emit('connect')
    this.#whenConnected?.()
    this.#whenConnected = undefined
    return true
  }

  #outboundMoved(): void {
    if (this.#whenRoom === undefined || this.#outbound.sizeBytes > WINDOW_BYTES / 2) return
    const done = this.#whenRoom
    this.#whenRoom = undefined
    done()
  }

  #inboundMoved(): void {
    if (this.#inner?.isPaused() && this.#inbound.sizeBytes < WINDOW_BYTES / 2) this.#inner.resume()
  }

  override _read(): void {
    this.#inbound.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#afterConnect(() => {
      const inner = this.#inner
      this.#outbound.add(
        chunk.length,
        () => inner === undefined || inner.destroyed || inner.write(chunk),
      )
      if (this.#outbound.sizeBytes > WINDOW_BYTES) this.#whenRoom = done
      else done()
    })
  }

  override _final(done: Done): void {
    this.#afterConnect(() => {
      this.#outbound.add(0, () => {
        this.#inner?.end()
        return true
      })
      done()
    })
  }

  /** A stream hands over one write at a time, so there is one to wait with. */
  #afterConnect(send: () => void): void {
    if (this.connecting) this.#whenConnected = send
    else send()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#inbound.close()
    if (this.connecting) this.sever()
    else {
      // What was sent before still arrives, and the other end learns of the close no sooner than of that.
      this.#inner?.resume()
      this.#outbound.add(0, () => {
        this.#inner?.destroySoon()
        this.#outbound.close()
        return false
      })
    }
    done(error)
  }

  /** Ends both ends at once, also what is on the way and also over a silent link. */
  sever(): void {
    this.#outbound.close()
    this.#inbound.close()
    this.#inner?.destroy()
    this.destroy()
  }

  // Node's http agent calls these of a socket; distance leaves them without effect.
  setKeepAlive(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}
