import { type Ask, json, query, type Reply, type Route } from '../ask-reply.ts'
import { type World, write } from '../world.ts'

export function bodyRoutes(world: World): Route[] {
  /** Tells what came, after it was read whole; the write comes last. */
  async function tell(ask: Ask): Promise<Reply> {
    const bytes = await ask.bytes()
    await write(world, query(ask, 'id'))
    return json({
      region: world.region,
      type: ask.header('content-type') ?? '',
      length: bytes.byteLength,
      sha256: await sha256(bytes),
    })
  }

  return [
    { method: 'POST', path: '/body', handle: tell },
    { method: 'POST', path: '/attempt/body', handle: tell },
    { method: 'POST', path: '/forward/body', handle: tell },
  ]
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
