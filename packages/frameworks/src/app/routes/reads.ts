import { type Ask, json, query, type Reply, type Route, text } from '../ask-reply.ts'
import type { World } from '../world.ts'

const LARGE = 'the same words again and again '.repeat(1000)
const STANDBY = 'select pg_is_in_recovery() as standby'
const ETAG = '"contract-1"'
const PREFLIGHT: Reply = {
  status: 204,
  headers: [
    ['access-control-allow-origin', 'https://elsewhere.example'],
    ['access-control-allow-methods', 'POST'],
    ['access-control-max-age', '600'],
  ],
  body: null,
}

export function readRoutes({ pool, region }: World): Route[] {
  const get = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, handle })

  async function echo(ask: Ask): Promise<Reply> {
    const { method, url } = ask
    const [cookie, tag, source] = ['cookie', 'x-tag', 'fly-replay-src'].map(ask.header)
    return json({ region, method, url, cookie, tag, source })
  }

  async function fail(ask: Ask): Promise<Reply> {
    throw new Error(`broken ${query(ask, 'id')}`)
  }

  async function cached(ask: Ask): Promise<Reply> {
    const headers: Reply['headers'] = [
      ['etag', ETAG],
      ['cache-control', 'private, max-age=60'],
    ]
    await pool.query(STANDBY)
    if (ask.header('if-none-match') === ETAG) return { status: 304, headers, body: null }
    return text('cached', headers)
  }

  async function clients(): Promise<Reply> {
    const { totalCount, idleCount, waitingCount } = pool
    return json({ taken: totalCount - idleCount, waiting: waitingCount })
  }

  return [
    // Asked until the process is up; no database.
    get('/ready', async () => text('ready')),
    get('/read', async () => json({ region, ...(await pool.query(STANDBY)).rows[0] })),
    get('/large', async () => text(LARGE)),
    get('/moved', async () => text('', [['location', '/read?moved=1']], 302)),
    get('/cached', cached),
    get('/clients', clients),
    get('/error', fail),
    get('/handled/error', fail),
    get('/echo/*', echo),
    { method: 'POST', path: '/echo/*', handle: echo },
    { method: 'OPTIONS', path: '/write', handle: async () => PREFLIGHT },
  ]
}
