import { Pool } from '@flyback/pg'
import { connection } from 'next/server'

export const pool: Pool = new Pool({ max: 4 })

export const region: string = process.env.FLY_REGION ?? 'none'

/** Leaves the effect that tests look for in the database. */
export async function effect(id: string): Promise<void> {
  await pool.query('insert into effect (id, region) values ($1, $2)', [id, region])
}

export interface PageProps {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

/** The `id` of a page's query. */
export async function idOf({ searchParams }: PageProps): Promise<string> {
  await connection()
  return String((await searchParams)['id'])
}

/** The `id` of a form. */
export function idIn(form: FormData): string {
  const id = form.get('id')
  return typeof id === 'string' ? id : ''
}
