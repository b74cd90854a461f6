import { requirePrimary, runOnPrimary } from '@flyback/http'
import { type Ask, json, query, type Reply, type Route, text } from '../ask-reply.ts'
import { sleep } from '../sleep.ts'
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
  async forgetful({ pool, region }, id) {
    const client = await pool.connect()
    await client.query('insert into effect (id, region) values ($1, $2)', [id, region])
    // A client that was refused is never released: the exception takes the way past this line.
    client.release()
  },
  async required(world, id) {
    requirePrimary()
    await write(world, id)
  },
  clean: ({ pool }) => pool.query('select 1'),
  async forwarded(world, id) {
    await runOnPrimary(() => write(world, `${id}-a`))
    await write(world, `${id}-b`)
    const { rows } = await world.pool.query('select pg_is_in_recovery() as standby')
    if (rows[0]?.standby !== false) throw new Error('a replica was read after a write')
  },
  both: (world, id) =>
    Promise.all([runOnPrimary(() => write(world, `${id}-a`)), write(world, `${id}-b`)]),
  async slow(world, id) {
    await sleep(100)
    await write(world, id)
    await sleep(300)
  },
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

  const writing = (method: Route['method'], path: string): Route => ({
    method,
    path,
    handle: (ask) => run('thrown', ask),
  })

  return [
    ...Object.keys(FORMS).flatMap((form): Route[] => [
      { method: 'GET', path: `/${form}`, handle: (ask) => run(form, ask) },
      { method: 'POST', path: `/attempt/${form}`, handle: (ask) => run(form, ask) },
    ]),
    writing('POST', '/write'),
    writing('PUT', '/write'),
    writing('DELETE', '/write'),
    writing('GET', '/handled/thrown'),
    writing('POST', '/forward/write'),
    writing('GET', '/oauth/callback'),
    { method: 'POST', path: '/slow', handle: (ask) => run('slow', ask) },
    {
      method: 'POST',
      path: '/graphql',
      async handle(ask) {
        const document = Object(JSON.parse(await ask.text())).query
        return await run(String(document).startsWith('mutation') ? 'thrown' : 'clean', ask)
      },
    },
    {
      method: 'POST',
      path: '/moved',
      async handle(ask) {
        await write(world, query(ask, 'id'))
        return text('', [['location', '/read?moved=1']], 303)
      },
    },
    {
      method: 'GET',
      path: '/large/written',
      async handle(ask) {
        await write(world, query(ask, 'id'))
        return text('the same words again and again '.repeat(1000))
      },
    },
    {
      // An app that sends its visitors to iad by itself, and writes there.
      method: 'GET',
      path: '/tenant',
      async handle(ask) {
        if (ask.header('fly-replay-src') !== undefined) return await run('thrown', ask)
        return { status: 200, headers: [['fly-replay', 'region=iad;state=tenant-7']], body: null }
      },
    },
  ]
}
