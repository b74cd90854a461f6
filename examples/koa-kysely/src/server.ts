import { json } from 'node:stream/consumers'
import { flyback } from '@flyback/http/koa'
import { FlybackDialect } from '@flyback/kysely'
import { Pool } from '@flyback/pg'
import Koa, { type Context } from 'koa'
import { type Generated, Kysely } from 'kysely'

interface Database {
  entry: { id: Generated<number>; author: string; message: string }
  tally: { name: string; count: number }
}

// The guestbook with Koa and Kysely. Nothing in it knows about regions: pool and flyback() read the environment.
const db = new Kysely<Database>({ dialect: new FlybackDialect({ pool: new Pool() }) })
const app = new Koa()
app.use(flyback())

const region = process.env.FLY_REGION
const routes: Record<string, (ctx: Context) => Promise<object>> = {
  async 'GET /'() {
    const newest = db.selectFrom('entry').select(['author', 'message']).orderBy('id', 'desc')
    const tally = await db.selectFrom('tally').selectAll().orderBy('name').execute()
    return { region, entries: await newest.limit(5).execute(), tally }
  },

  async 'POST /entries'(ctx) {
    // Whatever was sent; the columns are not null.
    const { author, message } = (await json(ctx.req)) as Database['entry']
    const { id } = await db.transaction().execute(async (tx) => {
      await count('entries', tx)
      const insert = tx.insertInto('entry').values({ author, message })
      return await insert.returning('id').executeTakeFirstOrThrow()
    })
    ctx.status = 201
    return { region, id }
  },

  // A read by its method, a write by what Kysely knows of it: refused before anything is sent.
  async 'GET /visit'() {
    return { region, visits: await count('visits', db) }
  },
}

app.use(async (ctx) => {
  const route = routes[`${ctx.method} ${ctx.path}`]
  if (route) ctx.body = await route(ctx)
})

async function count(name: string, on: Kysely<Database>): Promise<number> {
  const tally = await on
    .updateTable('tally')
    .set((e) => ({ count: e('count', '+', 1) }))
    .where('name', '=', name)
    .returning('count')
    .executeTakeFirstOrThrow()
  return tally.count
}

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void db.destroy())
  server.closeIdleConnections()
})
