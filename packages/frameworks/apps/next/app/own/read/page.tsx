import type { ReactNode } from 'react'
import { idOf, type PageProps, pool, region } from '../../../lib/effect'

export default async function Page(props: PageProps): Promise<ReactNode> {
  const id = await idOf(props)
  const { rows } = await pool.query('select pg_is_in_recovery() as standby where $1 = $1', [id])
  return <p>{`read in ${region}, standby ${rows[0]?.standby}`}</p>
}
