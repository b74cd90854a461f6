import { setTimeout as sleep } from 'node:timers/promises'
import { type ReactNode, Suspense } from 'react'
import { effect, idOf, type PageProps, pool, region } from '../../../lib/effect'

async function Late(props: PageProps): Promise<ReactNode> {
  const id = await idOf(props)
  const { how } = await props.searchParams
  if (how === 'read') await pool.query('select pg_sleep(0.5)')
  // Long enough for the shell to be sent.
  else await sleep(300)
  if (how === 'transaction') await writeInTransaction(id)
  else await effect(id)
  return <p>{`late in ${region}`}</p>
}

async function writeInTransaction(id: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('insert into effect (id, region) values ($1, $2)', [id, region])
    await client.query('commit')
  } finally {
    client.release(true)
  }
}

export default async function Page(props: PageProps): Promise<ReactNode> {
  await idOf(props)
  return (
    <Suspense fallback={<p>early</p>}>
      <Late {...props} />
    </Suspense>
  )
}
