import { withFlyback } from '@flyback/http/fetch'
import { Pool } from '@flyback/pg'

// The guestbook as a function from Request to Response. Nothing in it knows about regions: both read the environment.
const pool = new Pool()
const region = process.env.FLY_REGION

async function guestbook(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  switch (`${request.method} ${pathname}`) {
    case 'GET /': {
      const entries = await pool.query('select author, message from entry order by id desc limit 5')
      return Response.json({ region, entries: entries.rows })
    }
    case 'POST /entries': {
      const { author, message } = Object(await request.json())
      const { rows } = await pool.query(
        `with counted as (update tally set count = count + 1 where name = 'entries')
         insert into entry (author, message) values ($1, $2) returning id`,
        [author, message],
      )
      return Response.json({ region, id: rows[0].id }, { status: 201 })
    }
    // A read by its method, a write by what it does: only the database can tell.
    case 'GET /visit': {
      const { rows } = await pool.query(
        "update tally set count = count + 1 where name = 'visits' returning count",
      )
      return Response.json({ region, visits: rows[0].count })
    }
    default:
      return new Response('not found', { status: 404 })
  }
}

// Bun serves what a file exports by default; Deno does it by `deno serve`.
export default {
  hostname: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  fetch: withFlyback(guestbook),
}
