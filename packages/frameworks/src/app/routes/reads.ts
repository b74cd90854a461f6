import { json, query, type Route, text } from '../ask-reply.ts'
import type { World } from '../world.ts'

const LARGE = 'the same words again and again '.repeat(1000)
const STANDBY = 'select pg_is_in_recovery() as standby'

export function readRoutes({ pool, region }: World): Route[] {
  return [
    {
      // Asked until the process is up; no database.
      method: 'GET',
      path: '/ready',
      handle: async () => text('ready'),
    },
    {
      method: 'GET',
      path: '/read',
      handle: async () => json({ region, ...(await pool.query(STANDBY)).rows[0] }),
    },
    {
      method: 'GET',
      path: '/large',
      handle: async () => text(`${region} ${LARGE}`),
    },
    ...['/error', '/handled/error'].map(
      (path): Route => ({
        method: 'GET',
        path,
        async handle(ask) {
          throw new Error(`broken ${query(ask, 'id')}`)
        },
      }),
    ),
  ]
}
