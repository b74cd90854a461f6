import { connection } from 'next/server'
import { readEntries } from '../lib/database'
import { sign } from './actions'

export default async function Home() {
  await connection()
  const entries = await readEntries()
  return (
    <main>
      <h1>Guestbook</h1>
      <p>This page was made in {process.env.FLY_REGION ?? 'no region'}.</p>
      <form action={sign}>
        <input name="author" placeholder="Your name" required />
        <input name="message" placeholder="Your message" required />
        <button type="submit">Sign</button>
      </form>
      <ul>
        {entries.map(({ id, author, message }) => (
          <li key={id}>
            {author}: {message}
          </li>
        ))}
      </ul>
    </main>
  )
}
