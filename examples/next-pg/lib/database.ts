import { Pool } from '@flyback/pg'

export const pool = new Pool()

export interface Entry {
  readonly id: number
  readonly author: string
  readonly message: string
}

export async function readEntries(): Promise<Entry[]> {
  const sql = 'select id, author, message from entry order by id desc limit 5'
  return (await pool.query<Entry>(sql)).rows
}
