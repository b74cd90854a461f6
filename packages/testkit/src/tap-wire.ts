import { relayTcp } from './relay-tcp.js'

/** A relay before a server that writes down the type of every message the client sends after its login. */
export interface WireTap extends AsyncDisposable {
  readonly url: string
  /** Types as in the protocol: `Q` query, `P` parse, `B` bind, `E` execute, `S` sync, `X` terminate, ... */
  readonly messages: string[]
}

/** @see https://www.postgresql.org/docs/18/protocol-message-formats.html (read 2026-11-24) */
export async function tapWire(target: URL): Promise<WireTap> {
  const messages: string[] = []
  const relay = await relayTcp(target, () => {
    let pending = Buffer.alloc(0)
    let started = false
    return (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        // The startup message alone has no type byte.
        const offset = started ? 1 : 0
        if (pending.length < offset + 4) return
        const end = offset + pending.readUInt32BE(offset)
        if (pending.length < end) return
        const type = String.fromCharCode(pending[0] ?? 0)
        if (started && type !== 'p') messages.push(type)
        started = true
        pending = pending.subarray(end)
      }
    }
  })
  return { url: relay.url, messages, [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose]() }
}
