'use server'
import { refresh } from 'next/cache'
import { pool } from '../lib/database'

export async function sign(form: FormData): Promise<void> {
  const [author, message] = [form.get('author'), form.get('message')]
  if (typeof author !== 'string' || typeof message !== 'string') return
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query("update tally set count = count + 1 where name = 'entries'")
    await client.query('insert into entry (author, message) values ($1, $2)', [author, message])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
  refresh()
}
