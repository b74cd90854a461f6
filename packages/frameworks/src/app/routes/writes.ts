import { requirePrimary, runOnPrimary } from '@flyback/http'
import { type Ask, json, query, type Reply, type Route } from '../ask-reply.ts'
import { type World, write } from '../world.ts'

/** Ways to write, and what a refusal goes through until it is known. */
const FORMS: Readonly<Record<string, (world: World, id: string) => Promise<unknown>>> = {
  thrown: (world, id) => write(world, id),
  wrapped: (world, id) =>
    write(world, id).catch((error: unknown) => {
      throw new Error('could not save', { cause: new AggregateError([error]) })
    }),
  swallowed: (world, id) => write(world, id).catch(() => {}),
  async transaction({ pool, region }, id) {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('select count(*) from effect')
      await client.query('insert into effect (id, region) values ($1, $2)', [id, region])
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  },
  async required(world, id) {
    requirePrimary()
    await write(world, id)
  },
  clean: ({ pool }) => pool.query('select 1'),
  forward: (world, id) => runOnPrimary(() => write(world, id)),
  both: (world, id) =>
    Promise.all([runOnPrimary(() => write(world, `${id}-a`)), write(world, `${id}-b`)]),
}

export function writeRoutes(world: World): Route[] {
  const { region } = world

  async function run(form: string, ask: Ask): Promise<Reply> {
    const before: Reply['headers'] = [
      ['set-cookie', `attempt=${region}; Path=/; HttpOnly`],
      ['set-cookie', `visitor=${region}; Path=/; Max-Age=60`],
    ]
    await FORMS[form]?.(world, query(ask, 'id'))
    return json({ region, form }, before)
  }

  return [
    ...Object.keys(FORMS).flatMap((form): Route[] => [
      { method: 'GET', path: `/${form}`, handle: (ask) => run(form, ask) },
      { method: 'POST', path: `/attempt/${form}`, handle: (ask) => run(form, ask) },
    ]),
    { method: 'POST', path: '/write', handle: (ask) => run('thrown', ask) },
    { method: 'PUT', path: '/write', handle: (ask) => run('thrown', ask) },
    { method: 'DELETE', path: '/write', handle: (ask) => run('thrown', ask) },
    { method: 'GET', path: '/handled/thrown', handle: (ask) => run('thrown', ask) },
    { method: 'POST', path: '/forward/write', handle: (ask) => run('thrown', ask) },
    { method: 'GET', path: '/oauth/callback', handle: (ask) => run('thrown', ask) },
    {
      method: 'POST',
      path: '/graphql',
      async handle(ask) {
        const document = Object(JSON.parse(await ask.text())).query
        return await run(String(document).startsWith('mutation') ? 'thrown' : 'clean', ask)
      },
    },
  ]
}
