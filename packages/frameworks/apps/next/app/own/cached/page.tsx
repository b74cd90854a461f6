import type { ReactNode } from 'react'
import { effect, pool, region } from '../../../lib/effect'

export const revalidate = 1

/** Made as Next builds, where there is no database, and then anew in the background. */
export default async function Page(): Promise<ReactNode> {
  if (region === 'none') return <p>built</p>
  const { rows } = await pool.query('select count(*)::int as effects from effect')
  await effect(`cached in ${region}`)
  return <p>{`made anew in ${region} after ${rows[0]?.effects}`}</p>
}
