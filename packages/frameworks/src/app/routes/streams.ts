import { type Ask, query, type Reply, type Route, text } from '../ask-reply.ts'
import { sleep } from '../sleep.ts'
import { type World, write } from '../world.ts'

const EVENT_STREAM = [
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-cache'],
] as const

const BLOCK = new Uint8Array(16_384).fill(97)

export function streamRoutes(world: World): Route[] {
  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, handle })

  async function* blocks(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < 64; sent++) yield BLOCK
  }

  async function* events(): AsyncGenerator<string> {
    for (const event of ['one', 'two', 'three']) {
      const { rows } = await world.pool.query('select pg_is_in_recovery() as standby')
      yield `data: ${event} ${world.region} ${rows[0]?.standby}\n\n`
      await sleep(40)
    }
  }

  async function* late(ask: Ask): AsyncGenerator<string> {
    yield 'begun'
    await sleep(40)
    await write(world, query(ask, 'id'))
    yield 'done'
  }

  async function* swallowed(ask: Ask): AsyncGenerator<string> {
    yield 'begun'
    await sleep(40)
    await write(world, query(ask, 'id')).catch(() => {})
  }

  async function written(ask: Ask): Promise<Reply> {
    await write(world, query(ask, 'id'))
    return text(events())
  }

  return [
    get('/stream/blocks', async () => text(blocks())),
    get('/stream/events', async () => ({ status: 200, headers: EVENT_STREAM, body: events() })),
    get('/stream/late', async (ask) => text(late(ask))),
    get('/stream/swallowed', async (ask) => text(swallowed(ask))),
    get('/stream/written', written),
  ]
}
