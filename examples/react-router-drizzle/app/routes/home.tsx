import { desc, eq, sql } from 'drizzle-orm'
import { type ActionFunctionArgs, data, Form, useLoaderData } from 'react-router'
import { db } from '../database.server.ts'
import { entry, tally } from '../schema.ts'

export async function loader() {
  const entries = await db.query.entry.findMany({ orderBy: desc(entry.id), limit: 5 })
  const counts = await db.select().from(tally).orderBy(tally.name)
  return { region: process.env.FLY_REGION, entries, counts }
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData()
  const [author, message] = [form.get('author'), form.get('message')]
  if (typeof author !== 'string' || typeof message !== 'string') {
    throw data('An author and a message, please.', { status: 400 })
  }
  await db.transaction(async (tx) => {
    await tx
      .update(tally)
      .set({ count: sql`${tally.count} + 1` })
      .where(eq(tally.name, 'entries'))
    await tx.insert(entry).values({ author, message })
  })
  return null
}

export default function Home() {
  const { region, entries, counts } = useLoaderData<typeof loader>()
  return (
    <main>
      <h1>Guestbook</h1>
      <p>This page was made in {region ?? 'no region'}.</p>
      <Form method="post">
        <input name="author" placeholder="Your name" required />
        <input name="message" placeholder="Your message" required />
        <button type="submit">Sign</button>
      </Form>
      <ul>
        {entries.map(({ id, author, message }) => (
          <li key={id}>
            {author}: {message}
          </li>
        ))}
      </ul>
      <p>{counts.map(({ name, count }) => `${count} ${name}`).join(', ')}</p>
    </main>
  )
}
