import { after } from 'next/server'
import type { ReactNode } from 'react'
import { effect, idOf, type PageProps, region } from '../../../lib/effect'

export default async function Page(props: PageProps): Promise<ReactNode> {
  const id = await idOf(props)
  after(() => effect(id))
  return <p>{`answered in ${region}`}</p>
}
