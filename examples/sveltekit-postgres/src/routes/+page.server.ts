import { type Actions, error, type ServerLoad } from '@sveltejs/kit'
import { sql } from '../lib/database.ts'

export const load: ServerLoad = async () => ({
  region: process.env.FLY_REGION ?? 'no region',
  entries: [...(await sql`select id, author, message from entry order by id desc limit 5`)],
  counts: [...(await sql`select name, count from tally order by name`)],
})

export const actions: Actions = {
  async default({ request }) {
    const form = await request.formData()
    const [author, message] = [form.get('author'), form.get('message')]
    if (typeof author !== 'string' || typeof message !== 'string') error(400)
    await sql.begin(async (tx) => {
      await tx`update tally set count = count + 1 where name = 'entries'`
      await tx`insert into entry ${tx({ author, message })}`
    })
  },
}
