import type { Actions, ServerLoad } from '@sveltejs/kit'
import { sql } from '../lib/database.ts'

export const load: ServerLoad = async () => ({
  region: process.env.FLY_REGION ?? 'no region',
  entries: [...(await sql`select id, author, message from entry order by id desc limit 5`)],
  counts: [...(await sql`select name, count from tally order by name`)],
})

export const actions: Actions = {
  async default({ request }) {
    const form = await request.formData()
    const signed = { author: `${form.get('author')}`, message: `${form.get('message')}` }
    await sql.begin(async (tx) => {
      await tx`update tally set count = count + 1 where name = 'entries'`
      await tx`insert into entry ${tx(signed)}`
    })
  },
}
